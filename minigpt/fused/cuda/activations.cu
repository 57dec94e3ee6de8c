// GELU in both forms, each with its slope in the same pass; the equations are those of layers/activations.py.
//
//     gelu        y = x Φ(x)     f' = Φ(x) + x φ(x)         Φ(x) = (1 + erf(x / √2)) / 2, φ(x) = exp(-x²/2) / √(2π)
//     gelu_tanh   y = x s        f' = s + y (1 - s) 2 u'    s = (1 + tanh u) / 2, u = √(2/π) (x + 0.044715 x³),
//                                                           u' = √(2/π) (1 + 3 · 0.044715 x²)
//
// One thread an element. Backward is dy f', one multiplication, which is one kernel already and needs no other.
// Has not been run on a GPU, nor measured.

extern "C" __global__ void gelu_forward(const REAL* x, REAL* y, REAL* slope, long long size) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    const REAL root_half = 0.70710678118654752440, density_0 = 0.39894228040143267794;  // √(1/2), φ(0) = 1/√(2π)
    REAL cdf = (1 + erf(x[i] * root_half)) / 2;
    REAL density = density_0 * exp(-x[i] * x[i] / 2);  // x² of a huge x is infinite, and e^-∞ is 0, as it should be
    y[i] = x[i] * cdf;
    slope[i] = cdf + x[i] * density;
}

extern "C" __global__ void gelu_tanh_forward(const REAL* x, REAL* y, REAL* slope, long long size) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    const REAL c = 0.79788456080286535588, cubic = 0.044715, enough = 10000;  // c = √(2/π)
    REAL square = x[i] * x[i] < enough ? x[i] * x[i] : enough;  // from |x| = 100 on tanh is ±1; stays finite
    REAL s = (1 + tanh(c * (1 + cubic * square) * x[i])) / 2;
    y[i] = x[i] * s;
    slope[i] = s + y[i] * (1 - s) * 2 * c * (1 + 3 * cubic * square);
}
