// Tensor cores on a CPU: what a plane multiplies together, in the layouts of PTX's instructions and of nvcuda::wmma.

#pragma once

#define __cvta_generic_to_shared(place) static_cast<uint32_t>((unsigned char*)(place) - unit_shared)

namespace unit {

// What each unit of a plane shows the others until all have seen it.
template <class T> const T* show(const T& mine) {
    static T shown[MOST];
    auto& plane = planes[current / PLANE];
    shown[current] = mine;
    plane.meet();
    return shown + current / PLANE * PLANE;
}
static void seen() { planes[current / PLANE].meet(); }

struct Row {
    uint32_t place;
    uint32_t words[2];
};
static const unsigned char* row_of(const Row* all, int number) { return unit_shared + all[number].place; }

// Matrices of 8 x 8 numbers of 16 bits: units 8i to 8i + 7 say where the rows of the i-th begin.
template <int count, bool turned> void load(uint32_t (&out)[count], uint32_t place) {
    const Row* all = show(Row{place});
    for (int i = 0; i < count; i++) {
        if (!turned) memcpy(&out[i], row_of(all, 8 * i + lane() / 4) + lane() % 4 * 4, 4);
        for (int half = 0; turned && half < 2; half++)
            memcpy((char*)&out[i] + 2 * half, row_of(all, 8 * i + lane() % 4 * 2 + half) + lane() / 4 * 2, 2);
    }
    seen();
}

struct Bf16 {
    static constexpr int DEPTH = 16, EACH = 2;
    static float number(uint32_t word, int half) {
        uint32_t bits = (half ? word >> 16 : word & 0xffff) << 16;
        float value;
        memcpy(&value, &bits, 4);
        return value;
    }
};
struct Tf32 {
    static constexpr int DEPTH = 8, EACH = 1;
    static float number(uint32_t word, int) {
        word &= 0xffffe000;
        float value;
        memcpy(&value, &word, 4);
        return value;
    }
};
struct Factors {
    uint32_t a[4], b[2];
};
// D = A B + C of 16 x 8 numbers.
template <class Number> void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const float (&c)[4]) {
    Factors mine;
    memcpy(mine.a, a, sizeof a), memcpy(mine.b, b, sizeof b);
    const Factors* all = show(mine);
    constexpr int each = Number::EACH, half_depth = Number::DEPTH / 2;
    for (int i = 0; i < 4; i++) {
        int row = lane() / 4 + i / 2 * 8, column = lane() % 4 * 2 + i % 2;
        float sum = c[i];
        for (int k = 0; k < Number::DEPTH; k++) {
            int owner = k % half_depth / each, far = k / half_depth, half = k % each;
            float x = Number::number(all[row % 8 * 4 + owner].a[row / 8 + 2 * far], half);
            sum += x * Number::number(all[column * 4 + owner].b[far], half);
        }
        d[i] = sum;
    }
    seen();
}

}  // namespace unit

#define UNIT_MMA(name, Number)                                                                                              \
    static void name(float& d0, float& d1, float& d2, float& d3, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,         \
                     uint32_t b0, uint32_t b1, float c0, float c1, float c2, float c3) {                                     \
        float d[4];                                                                                                          \
        unit::multiply<unit::Number>(d, {a0, a1, a2, a3}, {b0, b1}, {c0, c1, c2, c3});                                       \
        d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3];                                                                          \
    }
UNIT_MMA(unit_mma_bf16, Bf16)
UNIT_MMA(unit_mma_tf32, Tf32)
template <bool turned> void unit_ldmatrix(uint32_t& a, uint32_t& b, uint32_t place) {
    uint32_t out[2];
    unit::load<2, turned>(out, place);
    a = out[0], b = out[1];
}
template <bool turned> void unit_ldmatrix(uint32_t& a, uint32_t& b, uint32_t& c, uint32_t& d, uint32_t place) {
    uint32_t out[4];
    unit::load<4, turned>(out, place);
    a = out[0], b = out[1], c = out[2], d = out[3];
}

// Fragments keep their matrix row after row, so many numbers in each unit.
namespace nvcuda::wmma {

struct matrix_a {};
struct matrix_b {};
struct accumulator {};
struct row_major {};
struct col_major {};
enum layout_t { mem_row_major, mem_col_major };
namespace precision {
struct tf32 {};
}

template <class T> struct Stored {
    using type = T;
};
template <> struct Stored<precision::tf32> {
    using type = float;
};
static inline float wide(__nv_bfloat16 x) { return __bfloat162float(x); }
static inline float wide(__half x) { return __half2float(x); }
static inline float wide(float x) { return x; }

template <class Use, int m, int n, int k, class T, class Layout = row_major> struct fragment {
    static constexpr int ROWS = std::is_same_v<Use, matrix_b> ? k : m, COLUMNS = std::is_same_v<Use, matrix_a> ? k : n;
    static constexpr int num_elements = ROWS * COLUMNS / 32;
    static constexpr bool by_rows = std::is_same_v<Layout, row_major>;
    typename Stored<T>::type x[num_elements];
};
template <class F> struct Shown {
    decltype(F::x) x;
};
template <class F, class V> void fill_fragment(F& f, V value) { std::fill_n(f.x, F::num_elements, value); }
template <class F> int at(int i, unsigned ld, bool by_rows) {
    int number = unit::lane() * F::num_elements + i, row = number / F::COLUMNS, column = number % F::COLUMNS;
    return by_rows ? row * ld + column : column * ld + row;
}
template <class F, class P> void load_matrix_sync(F& f, const P* from, unsigned ld) {
    for (int i = 0; i < F::num_elements; i++) f.x[i] = from[at<F>(i, ld, F::by_rows)];
    unit::seen();
}
template <class F, class P> void load_matrix_sync(F& f, const P* from, unsigned ld, layout_t layout) {
    for (int i = 0; i < F::num_elements; i++) f.x[i] = from[at<F>(i, ld, layout == mem_row_major)];
    unit::seen();
}
template <class F, class P> void store_matrix_sync(P* to, const F& f, unsigned ld, layout_t layout) {
    for (int i = 0; i < F::num_elements; i++) to[at<F>(i, ld, layout == mem_row_major)] = f.x[i];
    unit::seen();
}
template <class D, class A, class B, class C> void mma_sync(D& d, const A& a, const B& b, const C& c) {
    auto* left = unit::show(a);
    auto* right = unit::show(b);
    D out;
    for (int i = 0; i < D::num_elements; i++) {
        int number = unit::lane() * D::num_elements + i, row = number / D::COLUMNS, column = number % D::COLUMNS;
        float sum = c.x[i];
        for (int k = 0; k < A::COLUMNS; k++) {
            int p = row * A::COLUMNS + k, q = k * B::COLUMNS + column;
            sum += wide(left[p / A::num_elements].x[p % A::num_elements]) * wide(right[q / B::num_elements].x[q % B::num_elements]);
        }
        out.x[i] = sum;
    }
    unit::seen();
    d = out;
}
static inline float __float_to_tf32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    bits = (bits + 0x1000) & 0xffffe000;
    memcpy(&x, &bits, 4);
    return x;
}

}  // namespace nvcuda::wmma
