// Cross-entropy of a softmax, forward and backward; the equations are those of layers/cross_entropy.py.
//
//     p_v       = softmax of a row of logits z                       z, p (rows, V)
//     loss      = log Σ_v exp z_v - (1 - ε) z_t - (ε/V) Σ_v z_v      t = the row's target, ε = smoothing
//     dlogits_v = weight (p_v - (1 - ε) [v = t] - ε/V)               weight = dy / M, 0 in ignored rows
//
// One block a row, thread t has the columns t, t + blockDim.x, ...; largest and sums are the block's. Forward turns a
// row of logits into its probabilities and its loss in one go; the mean over the rows is taken afterwards.
// Has not been run on a GPU, nor measured.

extern "C" __global__ void cross_entropy_forward(const REAL* z, const long long* targets, const bool* counted, REAL* p,
                                                 REAL* loss, long long V, REAL smoothing) {
    z += blockIdx.x * V;
    p += blockIdx.x * V;
    REAL largest = LOWEST, total = 0, sum = 0;
    for (long long v = threadIdx.x; v < V; v += blockDim.x) largest = larger(largest, z[v]);
    largest = block_largest(largest);
    for (long long v = threadIdx.x; v < V; v += blockDim.x) {
        p[v] = exp(z[v] - largest);
        total += p[v];
        sum += z[v] - largest;
    }
    total = block_sum(total);
    for (long long v = threadIdx.x; v < V; v += blockDim.x) p[v] /= total;
    if (smoothing > 0) sum = block_sum(sum);  // all threads agree, so all of them call
    if (threadIdx.x == 0) {
        REAL row = (1 - smoothing) * (log(total) - (z[targets[blockIdx.x]] - largest));
        if (smoothing > 0) row += smoothing * (log(total) - sum / V);
        loss[blockIdx.x] = counted[blockIdx.x] ? row : 0;
    }
}

extern "C" __global__ void cross_entropy_backward(const REAL* p, const long long* targets, const REAL* weight,
                                                  REAL* dlogits, long long V, REAL smoothing) {
    p += blockIdx.x * V;
    dlogits += blockIdx.x * V;
    REAL mine = weight[blockIdx.x];
    for (long long v = threadIdx.x; v < V; v += blockDim.x) {
        dlogits[v] = mine * p[v] - smoothing / V * mine;
        if (v == targets[blockIdx.x]) dlogits[v] -= (1 - smoothing) * mine;
    }
}
