// CUDA's words on a processor: the source of a kernel compiles after this text, as it is, and runs.
//
// The threads of a block are coroutines. One at a time runs until it reaches __syncthreads() or its end, then the next;
// when all have come to the barrier, the first goes on. Forwards or backwards, as the caller asks: what depends on the
// order, because a barrier is missing, differs from one to the other, each time in the same way. A barrier that some
// threads reach and others don't is an error, where a GPU would hang or go wrong. Shared memory begins each block as NaN.

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <ucontext.h>
#include <vector>

using std::erf, std::exp, std::log, std::sqrt, std::tanh;

#define __global__
#define __device__ static
#define __shared__ static __attribute__((section("cuda_shared")))
#define __syncthreads() cuda_barrier(__LINE__)

struct Dimensions { unsigned x = 1, y = 1, z = 1; };
static Dimensions threadIdx, blockIdx, blockDim, gridDim;

static const int STACK = 64 * 1024;

struct Thread {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[STACK]};
    int barrier;  // the line of the barrier at which it waits; 0 at its end
};
static std::vector<Thread> cuda_threads;
static ucontext_t cuda_scheduler;
static std::function<void()> cuda_kernel;

extern "C" __attribute__((weak, visibility("hidden"))) char __start_cuda_shared[], __stop_cuda_shared[];

static void cuda_barrier(int line) {
    Thread& me = cuda_threads[threadIdx.x];
    me.barrier = line;
    swapcontext(&me.context, &cuda_scheduler);
}

static void cuda_thread() {
    cuda_kernel();
    cuda_threads[threadIdx.x].barrier = 0;  // and on to the scheduler, by uc_link
}

// Runs one block; false where its threads part at a barrier.
static bool cuda_block(bool backwards) {
    int count = blockDim.x;
    if (__start_cuda_shared) memset(__start_cuda_shared, 0xff, __stop_cuda_shared - __start_cuda_shared);
    for (Thread& thread : cuda_threads) {
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.get();
        thread.context.uc_stack.ss_size = STACK;
        thread.context.uc_link = &cuda_scheduler;
        makecontext(&thread.context, cuda_thread, 0);
    }
    do {
        for (int i = 0; i < count; i++) {
            threadIdx.x = backwards ? count - 1 - i : i;
            swapcontext(&cuda_scheduler, &cuda_threads[threadIdx.x].context);
        }
        for (Thread& thread : cuda_threads)
            if (thread.barrier != cuda_threads[0].barrier) return false;
    } while (cuda_threads[0].barrier);
    return true;
}

static bool cuda_launch(unsigned x, unsigned y, unsigned threads, bool backwards, std::function<void()> kernel) {
    cuda_kernel = kernel;
    if (cuda_threads.size() != threads) cuda_threads = std::vector<Thread>(threads);
    gridDim = {x, y}, blockDim = {threads};
    for (blockIdx.y = 0; blockIdx.y < y; blockIdx.y++)
        for (blockIdx.x = 0; blockIdx.x < x; blockIdx.x++)
            if (!cuda_block(backwards)) return false;
    return true;
}
