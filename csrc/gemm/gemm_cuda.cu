#include "gemm/gemm_cuda.h"

#include "gemm/derivative.cuh"
#include "gemm/gemm.h"
#include "gemm/mma.cuh"
#include "gemm/product.cuh"
#include "gemm/simt.cuh"
#include "gemm/wgmma.cuh"

namespace wxb::cuda {

namespace {

int64_t tiles(int64_t m, int64_t n, int64_t copies, int64_t size) {
  return ceil_div(m, size) * ceil_div(n, size) * copies;
}

template <class T, int pack>
Strided<T, pack> matrix_a(const Product<T>& p) {
  return {p.a, p.m, p.k, p.a_row, p.a_col, p.a_copy};
}
template <class T, int pack>
Strided<T, pack> matrix_b(const Product<T>& p) {
  return {p.b, p.n, p.k, p.b_col, p.b_row, p.b_copy};
}

// May it be copied 16 bytes at a time along k?
bool is_packed(const float* x, int64_t k_stride, int64_t line_stride, int64_t copy_stride, int64_t k) {
  return k_stride == 1 && k % 4 == 0 && line_stride % 4 == 0 && copy_stride % 4 == 0 &&
         reinterpret_cast<uintptr_t>(x) % 16 == 0;
}

struct Gpu {
  int processors = 0;
  bool has_wgmma = false;
};
const Gpu& gpu() {
  static const Gpu found = [] {
    Gpu g;
    int major = 0, minor = 0;
    cudaDeviceGetAttribute(&g.processors, cudaDevAttrMultiProcessorCount, 0);
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0);
#if defined(WXB_SM90A) || !defined(__CUDACC__)  // this build has code for it
    g.has_wgmma = major == 9 && minor == 0;
#endif
    return g;
  }();
  return found;
}

// Are there large tiles for half the processors, and sums that are longer than the rounding of the operands is?
bool takes_sm90(int64_t m, int64_t n, int64_t k, int64_t copies, Precision precision) {
  return precision != Precision::fp32 && copies == 1 && k >= 64 && std::max({m, n, k}) < 1 << 30 && gpu().has_wgmma &&
         2 * ceil_div(m, Sm90::m) * ceil_div(n, Sm90::n) >= gpu().processors;
}

template <Precision precision>
bool launched_sm90(const Product<float>& p, const Result<float>& result, Context& context) {
  return launch_sm90<precision>(context, matrix_a<float, 1>(p), matrix_b<float, 1>(p), result, p.parts,
                                gpu().processors);
}

template <class Math, int pack, class T>
void launch(const Product<T>& p, const Result<T>& result, const Raster& raster, Context& context) {
  launch_tiles<Math>(context, matrix_a<T, pack>(p), matrix_b<T, pack>(p), result, raster);
}

template <Precision precision>
void launch_tensor_cores(const Product<float>& p, const Result<float>& result, const Raster& raster, Context& context) {
  if (is_packed(p.a, p.a_col, p.a_row, p.a_copy, p.k) && is_packed(p.b, p.b_row, p.b_col, p.b_copy, p.k))
    launch<TensorCores<precision, 2>, 4>(p, result, raster, context);
  else
    launch<TensorCores<precision, 1>, 1>(p, result, raster, context);  // its addresses take more registers
}

template <class T>
void launch_fitting(const Product<T>& p, const Result<T>& result, const Raster& raster, Context& context) {
  if constexpr (std::is_same_v<T, float>) {
    if (p.precision == Precision::tf32) return launch_tensor_cores<Precision::tf32>(p, result, raster, context);
    if (p.precision == Precision::bf16) return launch_tensor_cores<Precision::bf16>(p, result, raster, context);
    if (tiles(p.m, p.n, p.copies, Large<2>::m) >= processors) return launch<Large<2>, 1>(p, result, raster, context);
  }
  launch<Small<T>, 1>(p, result, raster, context);
}

}  // namespace

// Two blocks a processor, and sums of no fewer than 256, as long as a tile is worth reading.
int64_t product_parts(int64_t m, int64_t n, int64_t k, int64_t copies) {
  const int64_t blocks = tiles(m, n, copies, Small<float>::m);
  return blocks == 0 ? 1 : std::max<int64_t>(1, std::min(2 * processors / blocks, k / 256));
}

int64_t product_room(int64_t m, int64_t n, int64_t k, int64_t copies, Precision precision) {
  const int64_t parts = product_parts(m, n, k, copies), sums = parts > 1 ? parts * copies * m * n : 0;
  if (!takes_sm90(m, n, k, copies, precision)) return sums;
  const int64_t bytes = precision == Precision::bf16 ? Rounded<Precision::bf16>::bytes(m + n, k)
                                                     : Rounded<Precision::tf32>::bytes(m + n, k);
  return std::max(sums, bytes / int64_t(sizeof(float)));
}

template <class T>
void product(const Product<T>& p, Context& context) {
  Result<T> result{p.y, p.bias, p.saved, nullptr, p.m, p.n, {p.n, p.m * p.n}, p.activation, p.alpha};
  if constexpr (std::is_same_v<T, float>)
    if (p.parts && takes_sm90(p.m, p.n, p.k, p.copies, p.precision) &&
        (p.precision == Precision::bf16 ? launched_sm90<Precision::bf16>(p, result, context)
                                        : launched_sm90<Precision::tf32>(p, result, context)))
      return;
  const int64_t parts = p.parts ? product_parts(p.m, p.n, p.k, p.copies) : 1, size = p.copies * p.m * p.n;
  const int64_t depth = ceil_div(ceil_div(p.k, parts), 16) * 16;  // whole tiles
  if (parts > 1) result.parts = p.parts;
  launch_fitting(p, result, {0, 0, p.copies, parts, depth}, context);
  if (parts > 1) launch_each(context, size, AddParts<T>{result, parts, size});
}

// Enough blocks for every processor, but no fewer than 64 rows in a part.
int64_t column_parts(int64_t rows, int64_t columns) {
  const int64_t strips = std::max<int64_t>(1, ceil_div(columns, strip));
  return std::max<int64_t>(1, std::min(ceil_div(2 * processors, strips), rows / 64));
}

int64_t column_room(int64_t rows, int64_t columns) {
  const int64_t parts = column_parts(rows, columns);
  return parts > 1 ? parts * columns : 0;
}

template <class T>
void derivative(const Derivative<T>& a, Context& context) {
  if (a.columns == 0 || !(a.dz || a.dbias)) return;
  const int64_t parts = column_parts(a.rows, a.columns), strips = ceil_div(a.columns, strip);
  T* const sums = a.dbias && parts > 1 ? a.sums : a.dbias;
  launch_blocks(context, derive<T>, grid_of(parts * strips), block_threads, 0, a, ceil_div(a.rows, parts), strips,
                sums);
  if (a.dbias && parts > 1) launch_each(context, a.columns, AddRows<T>{sums, a.dbias, parts, a.columns});
}

template <class T>
void linear_forward(const LinearForward<T>& a, Context& context) {
  product(Product<T>{a.n, a.out, a.in, a.x.data, a.in, 1, a.weight.data, 1, a.in, a.y.data, a.parts.data, a.bias.data,
                     a.saved.data, a.activation, a.alpha, a.precision},
          context);
}

template <class T>
void linear_backward(const LinearBackward<T>& a, Context& context) {
  derivative(Derivative<T>{a.dy.data, a.saved.data, a.workspace.data, a.dbias.data, a.sums.data, a.n, a.out,
                           a.activation, a.alpha},
             context);
  const T* dz = a.workspace ? a.workspace.data : a.dy.data;
  const auto gradient = [&](int64_t m, int64_t n, int64_t k, const T* left, int64_t row, int64_t column, const T* right,
                            const Out<T>& y) {
    T* const parts = product_room(m, n, k, 1, a.precision) ? a.parts.data : nullptr;
    product(Product<T>{m, n, k, left, row, column, right, n, 1, y.data, parts, nullptr, nullptr, Unary::none, T(0),
                       a.precision},
            context);
  };
  if (a.dx) gradient(a.n, a.in, a.out, dz, a.out, 1, a.weight.data, a.dx);
  if (a.dweight) gradient(a.out, a.in, a.n, dz, 1, a.out, a.x.data, a.dweight);
}

template <class T>
void matmul(const Matmul<T>& a, Context& context) {
  const int64_t a_row = a.transpose_a ? 1 : a.k, a_col = a.transpose_a ? a.m : 1;
  const int64_t b_row = a.transpose_b ? 1 : a.n, b_col = a.transpose_b ? a.k : 1;
  product(Product<T>{a.m, a.n, a.k, a.a.data, a_row, a_col, a.b.data, b_row, b_col, a.y.data, a.parts.data, nullptr,
                     nullptr, Unary::none, T(0), a.precision, a.batch, a.stride_a, a.stride_b},
          context);
}

#define WXB_FLOAT(T)                                                 \
  template void product(const Product<T>&, Context&);                \
  template void derivative(const Derivative<T>&, Context&);          \
  template void linear_forward(const LinearForward<T>&, Context&);   \
  template void linear_backward(const LinearBackward<T>&, Context&); \
  template void matmul(const Matmul<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
