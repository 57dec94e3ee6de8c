// Softmax of every row, forward and backward; the equations are those of layers/softmax.py.
//
//     y_j  = exp(x_j - m) / Σ_i exp(x_i - m)     m = the row's largest, or LOWEST: a row of -inf becomes zeros
//     dx_j = y_j (dy_j - Σ_i dy_i y_i)           x, y, dy, dx (rows, columns)
//
// One block a row. Thread t has the columns t, t + blockDim.x, ..., so that neighbours read neighbours; the largest and
// the sums are the block's. A row comes from memory once: when it is read again it lies in a cache, unless it is long.
// Has not been run on a GPU, nor measured.

extern "C" __global__ void softmax_forward(const REAL* x, REAL* y, long long columns) {
    x += blockIdx.x * columns;
    y += blockIdx.x * columns;
    REAL largest = LOWEST;
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) largest = larger(largest, x[j]);
    largest = block_largest(largest);
    REAL total = 0;
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) {
        y[j] = exp(x[j] - largest);
        total += y[j];
    }
    total = block_sum(total);
    if (total == 0) total = 1;
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) y[j] /= total;
}

extern "C" __global__ void softmax_backward(const REAL* dy, const REAL* y, REAL* dx, long long columns) {
    dy += blockIdx.x * columns;
    y += blockIdx.x * columns;
    dx += blockIdx.x * columns;
    REAL along = 0;
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) along += dy[j] * y[j];
    along = block_sum(along);
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) dx[j] = y[j] * (dy[j] - along);
}
