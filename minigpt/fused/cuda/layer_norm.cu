// Layer normalisation of every row, forward and backward; the equations are those of layers/layer_norm.py.
//
//     μ  = mean(x)      r  = 1 / √(mean((x - μ)²) + eps)     x̂ = (x - μ) r,  y = x̂ g + b;  x, y (rows, columns)
//     dx̂ = dy g         dx = r (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂))
//     dg = Σ dy x̂       db = Σ dy                            over all rows
//
// Forward and dx: one block a row, thread t has the columns t, t + blockDim.x, ...; the means are the block's. A row's
// first number is subtracted before all else, as in the reference: it changes no x - μ and makes it more exact.
// dg and db are sums down the columns: one thread a column, so that neighbours read neighbours, and one block for every
// `height` rows, which writes its own partial sum. These are added afterwards, in an order that is always the same
// (atomicAdd would add in any).
// Has not been run on a GPU, nor measured.

extern "C" __global__ void layer_norm_forward(const REAL* x, const REAL* g, const REAL* b, REAL* y, REAL* x_hat,
                                              REAL* r, long long columns, REAL eps) {
    x += blockIdx.x * columns;
    y += blockIdx.x * columns;
    x_hat += blockIdx.x * columns;
    REAL first = x[0], sum = 0, squares = 0;
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) sum += x[j] - first;
    REAL mean = block_sum(sum) / columns;  // of x - first
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) {
        REAL deviation = x[j] - first - mean;
        squares += deviation * deviation;
    }
    REAL scale = 1 / sqrt(block_sum(squares) / columns + eps);
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) {
        x_hat[j] = (x[j] - first - mean) * scale;
        y[j] = x_hat[j] * g[j] + b[j];
    }
    if (threadIdx.x == 0) r[blockIdx.x] = scale;
}

extern "C" __global__ void layer_norm_backward_x(const REAL* dy, const REAL* x_hat, const REAL* r, const REAL* g,
                                                 REAL* dx, long long columns) {
    dy += blockIdx.x * columns;
    x_hat += blockIdx.x * columns;
    dx += blockIdx.x * columns;
    REAL sum = 0, along = 0;
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) {
        sum += dy[j] * g[j];
        along += dy[j] * g[j] * x_hat[j];
    }
    REAL mean = block_sum(sum) / columns, projection = block_sum(along) / columns;
    for (long long j = threadIdx.x; j < columns; j += blockDim.x)
        dx[j] = (dy[j] * g[j] - mean - x_hat[j] * projection) * r[blockIdx.x];
}

extern "C" __global__ void layer_norm_backward_parameters(const REAL* dy, const REAL* x_hat, REAL* dg, REAL* db,
                                                          long long rows, long long columns, long long height) {
    long long j = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= columns) return;
    long long end = (blockIdx.y + 1) * height < rows ? (blockIdx.y + 1) * height : rows;
    REAL gain = 0, bias = 0;
    for (long long row = blockIdx.y * height; row < end; row++) {
        gain += dy[row * columns + j] * x_hat[row * columns + j];
        bias += dy[row * columns + j];
    }
    dg[blockIdx.y * columns + j] = gain;  // (blocks, columns): of this block's rows
    db[blockIdx.y * columns + j] = bias;
}
