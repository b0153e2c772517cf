#include "core/elements.cuh"
#include "gemm/tile_product.cuh"
#include "recurrent/recurrent_formulas.h"

// Where the weight fits into a block's shared memory, a block takes some samples through all steps. Elsewhere each step
// is a launch: a tile of samples and units, all gates of a unit in one thread.
namespace wxb::cuda {

namespace {

// ---- the state before the first step ----

// to = from, or 0 where it is absent
template <class T>
struct Load {
  In<T> from;
  T* to;
  __device__ void operator()(int64_t i) const { to[i] = from ? from.data[i] : T(0); }
};
template <class T>
void load_state(const In<T>& from, const T* to, int64_t count, Context& context) {
  launch_each(context, count, Load<T>{from, const_cast<T*>(to)});
}

struct CheckLengths {
  const int64_t* lengths;
  int64_t steps;
  Status status;
  __device__ void operator()(int64_t n) const {
    if (lengths[n] < 1 || lengths[n] > steps) report(status, Code::bad_index, uint64_t(n));
  }
};

// ---- a launch for each step ----

constexpr int gates_at_most = 4;

// The tile of a block: samples from `row` on, units from `unit` on.
struct Corner {
  int64_t row, unit;
  __device__ Corner(const RecurrentShape& s, int64_t tile) {
    const int64_t across = ceil_div(s.units, tile_side);
    row = tile / across * tile_side, unit = tile % across * tile_side;
  }
};
HD int64_t tiles_of(const RecurrentShape& s) { return ceil_div(s.units, tile_side) * ceil_div(s.batch, tile_side); }

template <class T>
__global__ void __launch_bounds__(tile_threads) forward_step(Recurrent<T> a, int64_t k) {
  __shared__ Tile<T, gates_at_most> tile;
  const Step<T> s = step_of(a, k);
  const int64_t h = s.units, gates = gates_of(s.cell);
  for (int64_t block = blockIdx.x; block < tiles_of(a.shape); block += gridDim.x) {
    const Corner corner(a.shape, block);
    const int64_t n = corner.row + tile_row(), j = corner.unit + tile_column();
    const bool is_unit = n < s.batch && j < h;
    T x[gates_at_most] = {}, z[gates_at_most] = {};
#pragma unroll
    for (int g = 0; g < gates_at_most; ++g)
      if (is_unit && g < gates) x[g] = s.x[(n * gates + g) * h + j], z[g] = s.bias ? s.bias[g * h + j] : T(0);
    tile_product<true, true>(
        tile, h, [&](int i, int64_t q) { return corner.row + i < s.batch ? s.h[(corner.row + i) * h + q] : T(0); },
        [&](int64_t q, int column) {
          const int64_t g = column / tile_side, unit = corner.unit + column % tile_side;
          return g < gates && unit < h ? s.weight[(g * h + unit) * h + q] : T(0);
        },
        z);
    if (is_unit) finish(s, n, j, x, z, state_of(s, n, j));
  }
}

// The product of the step before, and with it this step's gradients; after the last step, dh0.
template <class T>
__global__ void __launch_bounds__(tile_threads) backward_step(RecurrentBackward<T> a, int64_t k) {
  __shared__ Tile<T, 1> tile;
  const int64_t h = a.shape.units, depth = gates_of(a.shape.cell) * h;
  for (int64_t block = blockIdx.x; block < tiles_of(a.shape); block += gridDim.x) {
    const Corner corner(a.shape, block);
    const int64_t n = corner.row + tile_row(), j = corner.unit + tile_column();
    T product[1] = {};
    if (k > 0) {
      const BackwardStep<T> before = step_of(a, k - 1);
      tile_product<true, false>(
          tile, depth,
          [&](int i, int64_t q) {
            return corner.row + i < before.batch ? before.dz[(corner.row + i) * depth + q] : T(0);
          },
          [&](int64_t q, int column) {
            return corner.unit + column < h ? before.weight[q * h + corner.unit + column] : T(0);
          },
          product);
    }
    T dz[gates_at_most];
    if (n >= a.shape.batch || j >= h) continue;
    if (k < a.shape.steps)
      derive(step_of(a, k), n, j, product[0], dz);
    else
      a.dh0.data[n * h + j] += product[0];
  }
}

// ---- all steps in a launch ----

constexpr int64_t steps_from = 4;  // a block reads the weight once, as a launch of one step does
constexpr int rows_together = 4;   // samples of a block: its threads read each number of the weight once for all
template <class T>
constexpr int most_threads = 4096 / int(sizeof(T));  // of a block, one for each gate of each unit; registers bound it

template <class T>
constexpr int vector = 16 / int(sizeof(T));

// Shared memory of a block: the weight (outputs, pitch), h (rows, pitch), two arrays (rows, outputs). Rows of an odd
// number of vectors, so that neighbouring threads read theirs from other banks; what is beyond the units is 0.
template <class T>
struct Resident {
  int64_t outputs, units, pitch;
  HD explicit Resident(const RecurrentShape& s)
      : outputs(gates_of(s.cell) * s.units), units(s.units), pitch((ceil_div(s.units, vector<T>) | 1) * vector<T>) {}
  HD int64_t size() const { return (outputs + rows_together) * pitch + 2 * rows_together * outputs; }
  __device__ T* weight() const { return dynamic_shared<T>(); }
  __device__ T* h() const { return weight() + outputs * pitch; }
  __device__ T* of_outputs(int i) const { return h() + rows_together * pitch + i * rows_together * outputs; }

  __device__ void copy_weight(const T* from) const {
    for (int64_t i = threadIdx.x; i < outputs * pitch; i += blockDim.x)
      weight()[i] = i % pitch < units ? from[i / pitch * units + i % pitch] : T(0);
  }
};

template <class T>
bool fits(const RecurrentShape& s) {
  static const int64_t most = [] {
    int bytes = 0;
    cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0);
    return int64_t{bytes};
  }();
  const Resident<T> r(s);
  return s.steps >= steps_from && r.outputs <= most_threads<T> && r.size() * int64_t(sizeof(T)) <= most;
}

// z = h Wᵀ + bias of the output `mine`, by sample
template <class T>
__device__ void multiply(const Resident<T>& r, int64_t mine, T bias, T (&sums)[rows_together]) {
#pragma unroll
  for (int n = 0; n < rows_together; ++n) sums[n] = bias;
  for (int64_t k = 0; k < r.units; k += vector<T>) {
    const auto w = load<vector<T>>(r.weight() + mine * r.pitch + k);
#pragma unroll
    for (int n = 0; n < rows_together; ++n) {
      const auto h = load<vector<T>>(r.h() + n * r.pitch + k);
#pragma unroll
      for (int q = 0; q < vector<T>; ++q) sums[n] = fma(h.v[q], w.v[q], sums[n]);
    }
  }
}

template <class T>
__global__ void __launch_bounds__(most_threads<T>) forward_steps(Recurrent<T> a) {
  const Resident<T> r(a.shape);
  const int64_t h = r.units, gates = gates_of(a.shape.cell), mine = threadIdx.x;
  T *const all_x = r.of_outputs(0), *const all_z = r.of_outputs(1);
  r.copy_weight(a.weight.data);
  const T bias = a.bias && mine < r.outputs ? a.bias.data[mine] : T(0);
  for (int64_t first = int64_t{blockIdx.x} * rows_together; first < a.shape.batch;
       first += int64_t{gridDim.x} * rows_together) {
    const int64_t rows = min<int64_t>(rows_together, a.shape.batch - first);
    __syncthreads();
    for (int64_t i = mine; i < rows_together * r.pitch; i += blockDim.x)
      r.h()[i] =
          i / r.pitch < rows && i % r.pitch < h ? step_of(a, 0).h[(first + i / r.pitch) * h + i % r.pitch] : T(0);
    // An lstm's threads have one unit of one sample each, whose c they keep.
    T c = a.cells && mine < rows * h ? step_of(a, 0).c[first * h + mine] : T(0);
    for (int64_t k = 0; k < a.shape.steps; ++k) {
      const Step<T> s = step_of(a, k);
      __syncthreads();
      if (mine < r.outputs) {
        T x[rows_together], sums[rows_together];
#pragma unroll
        for (int n = 0; n < rows_together; ++n) x[n] = n < rows ? s.x[(first + n) * r.outputs + mine] : T(0);
        multiply(r, mine, bias, sums);
#pragma unroll
        for (int n = 0; n < rows_together; ++n)
          all_x[n * r.outputs + mine] = x[n], all_z[n * r.outputs + mine] = sums[n];
      }
      __syncthreads();
      for (int64_t i = mine; i < rows * h; i += blockDim.x) {
        const int64_t n = i / h, j = i % h;
        T x[gates_at_most] = {}, z[gates_at_most] = {};
#pragma unroll
        for (int g = 0; g < gates_at_most; ++g)
          if (g < gates) x[g] = all_x[n * r.outputs + g * h + j], z[g] = all_z[n * r.outputs + g * h + j];
        const State<T> next = finish(s, first + n, j, x, z, State<T>{r.h()[n * r.pitch + j], c});
        r.h()[n * r.pitch + j] = next.h, c = next.c;
      }
    }
  }
}

// What the gates of a unit owe its h through the weight: their shares, which threads have added up, in order.
template <class T>
__device__ T sum_of_shares(const T* shares, int64_t gates, int64_t units) {
  T sum = shares[0];
  for (int64_t g = 1; g < gates; ++g) sum += shares[g * units];
  return sum;
}

template <class T>
__global__ void __launch_bounds__(most_threads<T>) backward_steps(RecurrentBackward<T> a) {
  const Resident<T> r(a.shape);
  const int64_t h = r.units, gates = gates_of(a.shape.cell), mine = threadIdx.x;
  T *const all_dz = r.of_outputs(0), *const shares = r.of_outputs(1);
  r.copy_weight(a.weight.data);
  for (int64_t first = int64_t{blockIdx.x} * rows_together; first < a.shape.batch;
       first += int64_t{gridDim.x} * rows_together) {
    const int64_t rows = min<int64_t>(rows_together, a.shape.batch - first);
    __syncthreads();
    for (int64_t i = mine; i < rows_together * r.outputs; i += blockDim.x) all_dz[i] = shares[i] = 0;
    for (int64_t k = 0; k < a.shape.steps; ++k) {
      const BackwardStep<T> s = step_of(a, k);
      __syncthreads();
      for (int64_t i = mine; i < rows * h; i += blockDim.x) {
        const int64_t n = i / h, j = i % h;
        T dz[gates_at_most];
        derive(s, first + n, j, sum_of_shares(shares + n * r.outputs + j, gates, h), dz);
#pragma unroll
        for (int g = 0; g < gates_at_most; ++g)
          if (g < gates) all_dz[n * r.outputs + g * h + j] = dz[g];
      }
      __syncthreads();
      if (mine >= r.outputs) continue;
      T sums[rows_together] = {};
      for (int64_t q = mine / h * h; q < (mine / h + 1) * h; ++q) {
        const T w = r.weight()[q * r.pitch + mine % h];
#pragma unroll
        for (int n = 0; n < rows_together; ++n) sums[n] = fma(all_dz[n * r.outputs + q], w, sums[n]);
      }
#pragma unroll
      for (int n = 0; n < rows_together; ++n) shares[n * r.outputs + mine] = sums[n];
    }
    __syncthreads();
    for (int64_t i = mine; i < rows * h; i += blockDim.x)
      a.dh0.data[first * h + i] += sum_of_shares(shares + i / h * r.outputs + i % h, gates, h);
  }
}

template <class T, class A>
void launch_resident(Context& context, void (*kernel)(A), const A& a) {
  const Resident<T> r(a.shape);
  launch_blocks(context, kernel, blocks_for(a.shape.batch, rows_together),
                unsigned(ceil_div(r.outputs, warp_threads) * warp_threads), size_t(r.size()) * sizeof(T), a);
}

unsigned tile_blocks(const RecurrentShape& s) { return blocks_for(tiles_of(s), 1); }

}  // namespace

int64_t recurrent_packed(const RecurrentShape&) { return 0; }

template <class T>
void recurrent_forward(const Recurrent<T>& a, Context& context) {
  const RecurrentShape& s = a.shape;
  const int64_t state = s.batch * s.units;
  if (state == 0) return;
  if (a.lengths) launch_each(context, s.batch, CheckLengths{a.lengths.data, s.steps, context.status()});
  load_state(a.h0, step_of(a, 0).h, state, context);
  if (a.cells) load_state(a.c0, step_of(a, 0).c, state, context);
  if (fits<T>(s)) return launch_resident<T>(context, forward_steps<T>, a);
  for (int64_t k = 0; k < s.steps; ++k) launch_blocks(context, forward_step<T>, tile_blocks(s), tile_threads, 0, a, k);
}

template <class T>
void recurrent_backward(const RecurrentBackward<T>& a, Context& context) {
  const RecurrentShape& s = a.shape;
  const int64_t state = s.batch * s.units;
  if (state == 0) return;
  load_state(a.dh_n, a.dh0.data, state, context);
  if (a.dc0) load_state(a.dc_n, a.dc0.data, state, context);
  if (fits<T>(s)) return launch_resident<T>(context, backward_steps<T>, a);
  for (int64_t k = 0; k <= s.steps; ++k)
    launch_blocks(context, backward_step<T>, tile_blocks(s), tile_threads, 0, a, k);
}

#define WXB_FLOAT(T)                                              \
  template void recurrent_forward(const Recurrent<T>&, Context&); \
  template void recurrent_backward(const RecurrentBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
