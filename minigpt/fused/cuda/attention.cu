// Attention between its two products: scale, mask, softmax and dropout of every row of scores, forward and backward.
// The equations are those of layers/attention.py; the products themselves are cuBLAS's.
//
//     p  = softmax(s / √D)                  s = q kᵀ; masked keys get p = 0, a row without any other is all zeros
//     p' = p keep / (1 - rate)              what multiplies v: dropout switches single weights off
//     ds = p (dp - Σ_j dp_j p_j) / √D       dp = dy vᵀ keep / (1 - rate)           s, p, p', dp, ds (N, queries, keys)
//
// One block for each of the N · queries rows of `keys` scores, thread t has the keys t, t + blockDim.x, ...
// mask: `group` matrices one after the other in N share one; `step` is the distance from a query's row in it to the
// next: the number of keys, or 0 where all queries share a row. The scores are overwritten.
// Has not been run on a GPU, nor measured.

__device__ void softmax_of_row(REAL* s, const bool* mask, long long keys, REAL scale) {
    REAL largest = LOWEST, total = 0;
    for (long long j = threadIdx.x; j < keys; j += blockDim.x)
        if (mask[j]) largest = larger(largest, s[j] * scale);
    largest = block_largest(largest);
    for (long long j = threadIdx.x; j < keys; j += blockDim.x) {
        s[j] = mask[j] ? exp(s[j] * scale - largest) : 0;
        total += s[j];
    }
    total = block_sum(total);
    if (total == 0) total = 1;
    for (long long j = threadIdx.x; j < keys; j += blockDim.x) s[j] /= total;
}

__device__ const bool* row_of_mask(const bool* mask, long long queries, long long keys, long long group,
                                   long long step) {
    long long matrix = blockIdx.x / queries / group, query = blockIdx.x % queries;
    return mask + matrix * (step ? queries * step : keys) + query * step;
}

extern "C" __global__ void attention_forward(REAL* s, const bool* mask, long long queries, long long keys,
                                             long long group, long long step, REAL scale) {
    softmax_of_row(s + blockIdx.x * keys, row_of_mask(mask, queries, keys, group, step), keys, scale);
}

extern "C" __global__ void attention_forward_dropout(REAL* s, const bool* mask, const bool* keep, REAL* kept,
                                                     long long queries, long long keys, long long group,
                                                     long long step, REAL scale, REAL factor) {
    s += blockIdx.x * keys;
    keep += blockIdx.x * keys;
    kept += blockIdx.x * keys;
    softmax_of_row(s, row_of_mask(mask, queries, keys, group, step), keys, scale);
    for (long long j = threadIdx.x; j < keys; j += blockDim.x) kept[j] = keep[j] ? s[j] * factor : 0;
}

extern "C" __global__ void attention_backward(REAL* dp, const REAL* p, long long keys, REAL scale) {
    dp += blockIdx.x * keys;
    p += blockIdx.x * keys;
    REAL along = 0;
    for (long long j = threadIdx.x; j < keys; j += blockDim.x) along += dp[j] * p[j];
    along = block_sum(along);
    for (long long j = threadIdx.x; j < keys; j += blockDim.x) dp[j] = p[j] * (dp[j] - along) * scale;
}

extern "C" __global__ void attention_backward_dropout(REAL* dp, const REAL* p, const bool* keep, REAL* kept,
                                                      long long keys, REAL scale, REAL factor) {
    dp += blockIdx.x * keys;
    p += blockIdx.x * keys;
    keep += blockIdx.x * keys;
    kept += blockIdx.x * keys;
    REAL along = 0;
    for (long long j = threadIdx.x; j < keys; j += blockDim.x) {
        dp[j] = keep[j] ? dp[j] * factor : 0;
        kept[j] = keep[j] ? p[j] * factor : 0;
        along += dp[j] * p[j];
    }
    along = block_sum(along);
    for (long long j = threadIdx.x; j < keys; j += blockDim.x) dp[j] = p[j] * (dp[j] - along) * scale;
}
