// The matrix product in six steps, each a few lines from the last; docs/gemm.md explains them.
// c++ -O3 -march=native -std=c++20 -pthread docs/gemm/steps.cc -o /tmp/steps && /tmp/steps [n]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

#ifdef __AVX512F__
constexpr int lanes = 16, vectors = 4, kc = 128;
#else
constexpr int lanes = 8, vectors = 2, kc = 256;
#endif
constexpr int rows = 6, width = lanes * vectors, mc = 18 * rows;
typedef float Vec __attribute__((vector_size(4 * lanes), aligned(4)));

// 1. The definition. The inner loop walks down a column of B: every step another cache line.
void definition(int n, const float* a, const float* b, float* c) {
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      float sum = 0;
      for (int k = 0; k < n; ++k) sum += a[i * n + k] * b[k * n + j];
      c[i * n + j] = sum;
    }
}

// 2. The same sums in another order. The inner loop walks along rows of B and C, and the compiler makes vectors of it.
void along_rows(int n, const float* a, const float* b, float* c) {
  std::fill(c, c + n * n, 0.f);
  for (int i = 0; i < n; ++i)
    for (int k = 0; k < n; ++k)
      for (int j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
}

// The micro-kernel: 6 rows and `vectors` vectors of C stay in registers for `depth` steps. B's rows lie b_row apart.
void tile(int depth, const float* a, int a_row, const float* b, int b_row, float* c, int c_row, bool first) {
  Vec sum[rows][vectors];
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < vectors; ++v) sum[i][v] = first ? Vec{} : *reinterpret_cast<Vec*>(c + i * c_row + v * lanes);
  for (int k = 0; k < depth; ++k)
#pragma GCC unroll 6
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v)
        sum[i][v] += a[i * a_row + k] * *reinterpret_cast<const Vec*>(b + k * b_row + v * lanes);
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < vectors; ++v) *reinterpret_cast<Vec*>(c + i * c_row + v * lanes) = sum[i][v];
}

// 3. Tiles of C in registers: C is written once, an element of A is used `width` times and one of B six times per load.
void in_registers(int n, const float* a, const float* b, float* c) {
  for (int i = 0; i < n; i += rows)
    for (int j = 0; j < n; j += width) tile(n, a + i * n, n, b + j, n, c + i * n + j, n, true);
}

// 4. The sum in chunks of kc, whose panel of B stays in the L1 cache while all of A's rows pass by.
void in_chunks(int n, const float* a, const float* b, float* c) {
  for (int k = 0; k < n; k += kc)
    for (int j = 0; j < n; j += width)
      for (int i = 0; i < n; i += rows)
        tile(std::min(kc, n - k), a + i * n + k, n, b + k * n + j, n, c + i * n + j, n, k == 0);
}

// Rows [begin, end) of C, from B packed in panels: panel after panel of `width` columns, chunk after chunk of kc rows.
void from_packed(int n, const float* a, const float* packed, float* c, int begin, int end) {
  std::vector<float> block(mc * kc);
  for (int i0 = begin; i0 < end; i0 += mc)
    for (int k = 0; k < n; k += kc) {
      const int depth = std::min(kc, n - k), height = std::min(mc, end - i0);
      for (int i = 0; i < height; ++i) std::memcpy(&block[i * depth], a + (i0 + i) * n + k, depth * sizeof(float));
      for (int j = 0; j < n; j += width)
        for (int i = 0; i < height; i += rows)
          tile(depth, &block[i * depth], depth, packed + k * n + j * depth, width, c + (i0 + i) * n + j, n, k == 0);
    }
}

void pack(int n, const float* b, float* packed) {
  for (int k = 0; k < n; k += kc)
    for (int i = k, depth = std::min(kc, n - k); i < k + depth; ++i)
      for (int j = 0; j < n; j += width)
        std::memcpy(packed + k * n + j * depth + (i - k) * width, b + i * n + j, width * sizeof(float));
}

// 5. What is read again and again, packed in the order in which it is read; a block of A that fits the L2 cache.
void packed(int n, const float* a, const float* b, float* c) {
  std::vector<float> panels(size_t(n) * n);
  pack(n, b, panels.data());
  from_packed(n, a, panels.data(), c, 0, n);
}

// 6. Two threads share the packed B. Each sum is made by one of them, in the same order as before: the same bits.
void with_threads(int n, const float* a, const float* b, float* c) {
  std::vector<float> panels(size_t(n) * n);
  pack(n, b, panels.data());
  const int half = n / rows / 2 * rows;
  std::thread other([&] { from_packed(n, a, panels.data(), c, half, n); });
  from_packed(n, a, panels.data(), c, 0, half);
  other.join();
}

}  // namespace

int main(int argc, char** argv) {
  const int unit = rows * width, n = std::max(1, (argc > 1 ? std::atoi(argv[1]) : 1152) / unit) * unit;
  std::vector<float> a(size_t(n) * n), b(a), c(a), want(a);
  for (size_t i = 0; i < a.size(); ++i) a[i] = float(i * 7 % 13) - 6, b[i] = float(i * 5 % 11) - 5;  // exact in float
  using Product = void (*)(int, const float*, const float*, float*);
  const struct {
    const char* name;
    Product run;
  } steps[] = {{"1 definition", definition},       {"2 along rows", along_rows}, {"3 tiles in registers", in_registers},
               {"4 chunks of the sum", in_chunks}, {"5 packed", packed},         {"6 two threads", with_threads}};
  double before = 0;
  std::printf("n = %d\n", n);
  for (const auto& step : steps) {
    double best = 1e9;
    for (int turn = 0; turn < (step.run == definition ? 1 : 7); ++turn) {
      const auto start = std::chrono::steady_clock::now();
      step.run(n, a.data(), b.data(), c.data());
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    if (step.run == definition) want = c;
    const bool right = std::memcmp(want.data(), c.data(), want.size() * sizeof(float)) == 0;
    const double rate = 2.0 * n * n * n / best / 1e9;
    std::printf("%-22s %8.1f ms %7.1f GFLOP/s", step.name, best * 1e3, rate);
    before ? std::printf("  x %.1f", rate / before) : 0;
    std::printf("%s\n", right ? "" : "  WRONG");
    before = rate;
  }
}
