// A step of Adam on every parameter, in one pass; the equations are those of optim.py, adamw_update.
//
//     m = β1 m + (1 - β1) g        v = β2 v + (1 - β2) g²        θ -= rate m / (√v + eps)
//
// rate and eps have the corrections for the start in them already. One thread a parameter; θ, m and v are overwritten.
// The decay of the weights is not here: it is for matrices alone, and was made before.
// Has not been run on a GPU, nor measured.

extern "C" __global__ void adamw_update(REAL* theta, const REAL* g, REAL* m, REAL* v, long long size, REAL rate,
                                        REAL beta1, REAL rest1, REAL beta2, REAL rest2, REAL eps) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    m[i] = beta1 * m[i] + rest1 * g[i];  // rest = 1 - β, which was taken in full precision
    v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
    theta[i] -= rate * m[i] / (sqrt(v[i]) + eps);
}
