// What a kernel's CUDA C++ finds on a CPU: one unit after the other, each a fiber where the units of a cube meet.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#undef __shared__
#undef __global__
#undef __device__
#undef __align__
#undef __launch_bounds__
#undef __cluster_dims__
#undef __grid_constant__
#undef __restrict__
// One cube after the other, so that they may share it.
#define __shared__ static
#define __global__
#define __device__
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __grid_constant__
#define __restrict__ __restrict

struct Place {
    uint32_t x, y, z;
};
static Place threadIdx, blockIdx, blockDim, gridDim;
static const int warpSize = 32;
alignas(1024) static unsigned char unit_shared[256 << 10];

// ---- units that meet: fibers, of which each goes on until it has to wait for another

namespace unit {

constexpr int MOST = 1024, PLANE = 32;
constexpr size_t STACK = 128 << 10;

static void (*body)(void**);
static void** arguments;
static int count, current;
static void *scheduler, *stacks[MOST];
static bool is_done[MOST];
static char* memory;

// Puts the present registers on the stack, whose place is kept, and goes on with another.
extern "C" void unit_switch(void** keep, void* other);
asm(R"(
    .text
    .hidden unit_switch
    .globl unit_switch
    .type unit_switch, @function
unit_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

static void wait() { unit_switch(&stacks[current], scheduler); }

// Where so many meet again and again; whoever has ended is not waited for.
struct Barrier {
    int alive, here;
    long turn;

    void meet() {
        if (++here == alive) return pass();
        for (long mine = turn; mine == turn;) wait();
    }
    void leave() {
        if (--alive && here == alive) pass();
    }
    void pass() { here = 0, turn++; }
};
static Barrier cube, planes[MOST / PLANE];

static void start() {
    body(arguments);
    is_done[current] = true;
    cube.leave();
    planes[current / PLANE].leave();
    wait();
    abort();
}

static void place(int number) {
    current = number;
    threadIdx = {number % blockDim.x, number / blockDim.x % blockDim.y, number / blockDim.x / blockDim.y};
}

static void run_meeting() {
    if (!memory) memory = static_cast<char*>(aligned_alloc(4096, STACK * MOST));
    cube = {count, 0, 0};
    for (int i = 0; i < count; i++) {
        if (i % PLANE == 0) planes[i / PLANE] = {std::min(PLANE, count - i), 0, 0};
        is_done[i] = false;
        void** top = reinterpret_cast<void**>(memory + STACK * (i + 1)) - 2;
        *top = reinterpret_cast<void*>(start);
        stacks[i] = std::fill_n(top - 6, 6, nullptr) - 6;
    }
    while (cube.alive)
        for (int i = 0; i < count; i++)
            if (!is_done[i]) place(i), unit_switch(&scheduler, stacks[i]);
}

static void run(const uint32_t* grid, const uint32_t* units, bool meet) {
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {units[0], units[1], units[2]};
    count = units[0] * units[1] * units[2];
    for (blockIdx.z = 0; blockIdx.z < grid[2]; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++) {
                if (meet) run_meeting();
                else for (int i = 0; i < count; i++) place(i), body(arguments);
            }
}

// What another unit of the plane gives.
template <class T> T exchange(T mine, int from) {
    static uint64_t given[MOST];
    static_assert(sizeof(T) <= sizeof(uint64_t));
    auto& plane = planes[current / PLANE];
    memcpy(&given[current], &mine, sizeof(T));
    plane.meet();
    T theirs;
    memcpy(&theirs, &given[current / PLANE * PLANE + from], sizeof(T));
    plane.meet();
    return theirs;
}
static int lane() { return current % PLANE; }

template <class... A, size_t... I> void call(void (*kernel)(A...), void** given, std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_const_t<std::remove_reference_t<A>>*>(given[I])...);
}
template <class... A> void apply(void (*kernel)(A...), void** given) { call(kernel, given, std::index_sequence_for<A...>()); }
template <class... A> int sizes(void (*)(A...), int* out) {
    const int all[] = {static_cast<int>(sizeof(A))..., 0};
    return std::copy_n(all, sizeof...(A), out) - out;
}

}  // namespace unit

// Behind a kernel: what the driver calls.
#define UNIT_KERNEL(kernel, meet)                                                                        \
    extern "C" int unit_sizes(int* out) { return unit::sizes(kernel, out); }                            \
    extern "C" void unit_run(void** given, const uint32_t* grid, const uint32_t* units) {               \
        unit::body = [](void** all) { unit::apply(kernel, all); };                                      \
        unit::arguments = given;                                                                        \
        unit::run(grid, units, meet);                                                                   \
    }

// ---- what the language has

static void __syncthreads() { unit::cube.meet(); }
// Units are fibers of one thread: what one has written, the others see.
static void __threadfence() {}
static void __syncwarp(unsigned = ~0u) { unit::planes[unit::current / unit::PLANE].meet(); }
static unsigned __activemask() { return ~0u; }
static unsigned __ballot_sync(unsigned, int is) {
    unsigned all = 0;
    const int first = unit::current / unit::PLANE * unit::PLANE, units = std::min(unit::PLANE, unit::count - first);
    for (int other = 0; other < units; other++) all |= unsigned(unit::exchange(is != 0, other)) << other;
    return all;
}
static int __any_sync(unsigned mask, int is) { return __ballot_sync(mask, is) != 0; }
static int __all_sync(unsigned mask, int is) { return __ballot_sync(mask, !is) == 0; }
template <class T> T __shfl_sync(unsigned, T value, int from, int = 32) { return unit::exchange(value, from % unit::PLANE); }
template <class T> T __shfl_xor_sync(unsigned, T value, int mask, int = 32) { return unit::exchange(value, unit::lane() ^ mask); }
template <class T> T __shfl_up_sync(unsigned, T value, unsigned by, int = 32) {
    return unit::exchange(value, unit::lane() - static_cast<int>(by) < 0 ? unit::lane() : unit::lane() - by);
}
template <class T> T __shfl_down_sync(unsigned, T value, unsigned by, int = 32) {
    return unit::exchange(value, unit::lane() + by < unit::PLANE ? unit::lane() + by : unit::lane());
}

using std::isfinite;
using std::isinf;
using std::isnan;
using std::max;
using std::min;
static inline unsigned __umulhi(unsigned a, unsigned b) { return uint64_t(a) * b >> 32; }
static inline int __clz(unsigned x) { return x ? __builtin_clz(x) : 32; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
template <class To, class From> To unit_bits(From x) {
    static_assert(sizeof(To) == sizeof(From));
    To bits;
    memcpy(&bits, &x, sizeof x);
    return bits;
}
#define __uint_as_float unit_bits<float>
#define __int_as_float unit_bits<float>
#define __float_as_uint unit_bits<unsigned>
#define __float_as_int unit_bits<int>
#define __expf expf
#define __logf logf
#define __sinf sinf
#define __cosf cosf
#define __powf powf
#define __fsqrt_rn sqrtf
#define __fdividef(a, b) ((a) / (b))
#define __frcp_rn(x) (1.0f / (x))
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
template <class T> float unit_add(T place, float value) {
    float *sum = (float*)place, before = *sum;
    *sum += value;
    return before;
}
static inline float unit_max(float a, float b) { return isnan(a) || isnan(b) ? NAN : std::max(a, b); }
static inline float unit_min(float a, float b) { return isnan(a) || isnan(b) ? NAN : std::min(a, b); }

#include "tensor.h"
