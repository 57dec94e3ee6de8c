// What all threads of a block agree on: the sum, or the largest, of one number from each.
//
// The numbers lie in shared memory, and a tree adds them: in each round the lower half of the threads that are left
// takes in the numbers of the upper half. So a block must have a power of two of threads, THREADS at most, and all of
// them must call.
//
//     threads 0 1 2 3 | 4 5 6 7     0 += 4, 1 += 5, 2 += 6, 3 += 7
//             0 1 | 2 3             0 += 2, 1 += 3
//             0 | 1                 0 += 1, which is the sum
//
// kernels.py puts this text before each kernel's, and defines REAL (float or double), LOWEST (its lowest number) and
// THREADS. The result doesn't depend on which thread runs first: the same numbers give the same bits.
// Has not been run on a GPU, nor measured: tests/test_cuda_kernels.py runs this very source on the processor.

__device__ REAL larger(REAL a, REAL b) { return a > b ? a : b; }

__device__ REAL block_sum(REAL mine) {
    __shared__ REAL numbers[THREADS];
    int me = threadIdx.x;
    __syncthreads();  // somebody may still be reading the last result
    numbers[me] = mine;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (me < half) numbers[me] += numbers[me + half];
        __syncthreads();
    }
    return numbers[0];
}

__device__ REAL block_largest(REAL mine) {
    __shared__ REAL numbers[THREADS];
    int me = threadIdx.x;
    __syncthreads();
    numbers[me] = mine;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (me < half) numbers[me] = larger(numbers[me], numbers[me + half]);
        __syncthreads();
    }
    return numbers[0];
}
