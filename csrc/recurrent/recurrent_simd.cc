#include "core/parallel.h"
#include "core/simd_math.h"
#include "gemm/block_simd.h"
#include "recurrent/recurrent_table.h"

// A step is a product of few rows with a weight that stays the same, and what the gates make of it. The weight is
// packed once per sequence; a task makes all gates of some units, whose functions it applies while they are in its
// cache. An element is one chain over k, as in gemm, so neither how a step is cut up nor the threads change a bit.
namespace wxb::WXB_TARGET {

namespace {

constexpr int64_t most_rows = 16 * tile_rows;  // of h at once: a chunk of them, 48 KB, stays in L2

alignas(64) constexpr float zeros[tile_columns] = {};

int64_t padded(int64_t units) { return divide_up(units, strip) * strip; }

// h Wᵀ of gate g, of which each is packed by itself: strips begin with a gate.
BlockB of_gate(const float* weight, const float* packed, int64_t units, int64_t g) {
  return {weight + g * units * units,
          1,
          units,
          units,
          units,
          false,
          const_cast<float*>(packed) + g * units * padded(units)};
}

BlockB of_all_gates(const float* weight, const float* packed, int64_t units, int64_t gates) {
  return {weight, units, 1, units, gates * units, false, const_cast<float*>(packed)};
}

void pack(const Packing<float>& p, int64_t unit, int64_t unit_end) {
  const int64_t first = unit / tile_columns, last = divide_up(unit_end, tile_columns);
  if (p.backward) return of_all_gates(p.weight, p.packed, p.units, p.gates).pack(first, last);
  for (int64_t g = 0; g < p.gates; ++g) of_gate(p.weight, p.packed, p.units, g).pack(first, last);
}

// A chunk of some rows of h, or of dz, next to each other: rows that lie a power of two apart would share a few lines
// of the L1 cache. They are shared out evenly: 32 rows are four tiles of 5 and two of 6.
struct Chunk {
  const float* data;
  int64_t rows, depth;
  int64_t tiles() const { return divide_up(rows, tile_rows); }
  int64_t first(int64_t tile) const { return tile * rows / tiles(); }
};

// each(chunk, k, row) for chunks of rows [begin, end) of a, `depth` wide; row is the chunk's first.
template <class Each>
WXB_INLINE void for_chunks(const float* a, int64_t depth, int64_t begin, int64_t end, Each each) {
  float* const copy = static_cast<float*>(thread_buffer(Slot::a, most_rows * kc * sizeof(float)));
  for (int64_t i = begin; i < end; i += most_rows)
    for (int64_t k = 0; k < depth; k += kc) {
      const Chunk chunk{copy, min(most_rows, end - i), min(kc, depth - k)};
      for (int64_t r = 0; r < chunk.rows; ++r)
        __builtin_memcpy(copy + r * chunk.depth, a + (i + r) * depth + k, size_t(chunk.depth) * sizeof(float));
      each(chunk, k, i);
    }
}

// A panel of B times all rows of a chunk, to c, whose rows are c_row apart: starting from `start` in the first chunk.
void multiply_panel(const Chunk& a, const BlockB& b, int64_t k, int64_t panel, float* c, int64_t c_row,
                    const float* start) {
  for (int64_t t = 0; t < a.tiles(); ++t) {
    const int64_t row = a.first(t), rows = a.first(t + 1) - row;
    float* const at = c + row * c_row;
    const Tile first{at, c_row, b.columns(panel), start, 0}, next{at, c_row, b.columns(panel), at, c_row};
    microkernel_for(rows, b.vectors(panel))({a.depth}, {a.data + row * a.depth, a.depth, 1}, b(k, panel),
                                            k == 0 ? first : next);
  }
}

void multiply(const Step<float>& s, const Part& part) {
  const int64_t gates = gates_of(s.cell), row = gates * s.units;
  for_chunks(s.h, s.units, part.row, part.row_end, [&](const Chunk& a, int64_t k, int64_t i) {
    for (int64_t q = part.unit / tile_columns; q < divide_up(part.unit_end, tile_columns); ++q)
      for (int64_t g = 0; g < gates; ++g) {
        const int64_t column = g * s.units + q * tile_columns;
        multiply_panel(a, of_gate(s.weight, s.packed, s.units, g), k, q, s.gates + i * row + column, row,
                       s.bias ? s.bias + column : zeros);
      }
  });
}

void multiply_back(const BackwardStep<float>& s, float* product, const Part& part) {
  const int64_t gates = gates_of(s.cell);
  const BlockB b = of_all_gates(s.weight, s.packed, s.units, gates);
  for_chunks(s.dz, gates * s.units, part.row, part.row_end, [&](const Chunk& a, int64_t k, int64_t i) {
    for (int64_t q = part.unit / tile_columns; q < divide_up(part.unit_end, tile_columns); ++q)
      multiply_panel(a, b, k, q, product + i * s.units + q * tile_columns, s.units, zeros);
  });
}

// ---- what the gates make of it: a row's units from j on, in `lanes` ----

template <Cell cell, class Lanes>
WXB_INLINE void unit(const Step<float>& s, const float* x, float* z, int64_t at, int64_t j, Lanes lanes) {
  const int64_t h = s.units;
  const auto input = [&](int64_t g) { return lanes.load(x + g * h + j) + lanes.load(z + g * h + j); };
  Vec next;
  if constexpr (cell == Cell::lstm) {
    const Vec i = sigmoid(input(0)), f = sigmoid(input(1)), g = tanh(input(2)), o = sigmoid(input(3));
    const Vec c = fma(f, lanes.load(s.c + at + j), i * g);
    lanes.store(i, z + j);
    lanes.store(f, z + h + j);
    lanes.store(g, z + 2 * h + j);
    lanes.store(o, z + 3 * h + j);
    lanes.store(c, s.c_next + at + j);
    next = o * tanh(c);
  } else if constexpr (cell == Cell::gru) {
    const Vec r = sigmoid(input(0)), u = sigmoid(input(1)), q = lanes.load(z + 2 * h + j);
    const Vec n = tanh(fma(r, q, lanes.load(x + 2 * h + j)));
    lanes.store(r, z + j);
    lanes.store(u, z + h + j);
    lanes.store(n, z + 2 * h + j);
    lanes.store(q, s.reset + at + j);
    next = fma(u, lanes.load(s.h + at + j) - n, n);
  } else {
    next = cell == Cell::tanh ? tanh(input(0)) : max(input(0), Vec(0.f));
    lanes.store(next, z + j);
  }
  lanes.store(next, s.h_next + at + j);
  lanes.store(next, s.y + at + j);
}

template <Cell cell>
void finish_rows(const Step<float>& s, const Part& part) {
  const int64_t h = s.units, row = gates_of(cell) * h;
  for (int64_t n = part.row; n < part.row_end; ++n) {
    const bool runs = !s.lengths || s.time < s.lengths[n];
    const int64_t at = n * h;
    if (runs) {
      const float* const x = s.x + n * row;
      float* const z = s.gates + n * row;
      for_lanes(part.unit, part.unit_end, [&](auto lanes, int64_t j) { unit<cell>(s, x, z, at, j, lanes); });
    } else {
      for_lanes(part.unit, part.unit_end, [&](auto lanes, int64_t j) {
        lanes.store(Vec(0.f), s.y + at + j);
        lanes.store(lanes.load(s.h + at + j), s.h_next + at + j);
        if constexpr (cell == Cell::lstm) lanes.store(lanes.load(s.c + at + j), s.c_next + at + j);
      });
    }
  }
}

void finish(const Step<float>& s, const Part& part) {
  switch (s.cell) {
    case Cell::tanh: return finish_rows<Cell::tanh>(s, part);
    case Cell::relu: return finish_rows<Cell::relu>(s, part);
    case Cell::lstm: return finish_rows<Cell::lstm>(s, part);
    case Cell::gru: return finish_rows<Cell::gru>(s, part);
  }
}

// ---- and back ----

template <Cell cell, class Lanes>
WXB_INLINE void unit_back(const BackwardStep<float>& s, Vec dh, int64_t first, int64_t at, int64_t j, Lanes lanes) {
  const int64_t h = s.units;
  const Vec one(1.f);
  float *const z = s.gates + first + j, *const dx = s.dx + first + j, *const dz = s.dz + first + j;
  const auto slope = [&](Vec y) { return y * (one - y); };  // of the logistic function where it is y
  if constexpr (cell == Cell::lstm) {
    const Vec i = lanes.load(z), f = lanes.load(z + h), g = lanes.load(z + 2 * h), o = lanes.load(z + 3 * h);
    const Vec t = tanh(lanes.load(s.c_next + at + j));
    const Vec dc = fma(dh * o, one - t * t, lanes.load(s.dc + at + j));
    lanes.store(dc * g * slope(i), dx);
    lanes.store(dc * lanes.load(s.c + at + j) * slope(f), dx + h);
    lanes.store(dc * i * (one - g * g), dx + 2 * h);
    lanes.store(dh * t * slope(o), dx + 3 * h);
    lanes.store(dc * f, s.dc + at + j);
    lanes.store(Vec(0.f), s.dh + at + j);
  } else if constexpr (cell == Cell::gru) {
    const Vec r = lanes.load(z), u = lanes.load(z + h), n = lanes.load(z + 2 * h);
    const Vec dn = dh * (one - u) * (one - n * n);
    const Vec dr = dn * lanes.load(s.reset + at + j) * slope(r), du = dh * (lanes.load(s.h + at + j) - n) * slope(u);
    lanes.store(dr, dx);
    lanes.store(dr, dz);
    lanes.store(du, dx + h);
    lanes.store(du, dz + h);
    lanes.store(dn, dx + 2 * h);
    lanes.store(dn * r, dz + 2 * h);
    lanes.store(dh * u, s.dh + at + j);
  } else {
    const Vec y = lanes.load(z);
    lanes.store(cell == Cell::tanh ? dh * (one - y * y) : select(y > Vec(0.f), dh, Vec(0.f)), dx);
    lanes.store(Vec(0.f), s.dh + at + j);
  }
}

template <Cell cell>
void derive_rows(const BackwardStep<float>& s, const Part& part) {
  const int64_t h = s.units, row = gates_of(cell) * h;
  for (int64_t n = part.row; n < part.row_end; ++n) {
    const bool runs = !s.lengths || s.time < s.lengths[n];
    const int64_t at = n * h, first = n * row;
    for_lanes(part.unit, part.unit_end, [&](auto lanes, int64_t j) {
      Vec dh = lanes.load(s.dh + at + j);
      if (s.product) dh += lanes.load(s.product + at + j);
      if (runs) {
        if (s.dy) dh += lanes.load(s.dy + at + j);
        return unit_back<cell>(s, dh, first, at, j, lanes);
      }
      lanes.store(dh, s.dh + at + j);
      for (int64_t g = 0; g < gates_of(cell); ++g) {
        lanes.store(Vec(0.f), s.dx + first + g * h + j);
        lanes.store(Vec(0.f), s.dz + first + g * h + j);
      }
    });
  }
}

void derive(const BackwardStep<float>& s, const Part& part) {
  switch (s.cell) {
    case Cell::tanh: return derive_rows<Cell::tanh>(s, part);
    case Cell::relu: return derive_rows<Cell::relu>(s, part);
    case Cell::lstm: return derive_rows<Cell::lstm>(s, part);
    case Cell::gru: return derive_rows<Cell::gru>(s, part);
  }
}

}  // namespace

extern const RecurrentTable<float> recurrent_float;
const RecurrentTable<float> recurrent_float{pack, multiply, finish, derive, multiply_back};

}  // namespace wxb::WXB_TARGET
