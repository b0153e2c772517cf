#include "core/scalar.h"
#include "recurrent/recurrent_table.h"

namespace wxb::ref {

namespace {

int64_t gates_of(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }

template <class T>
void pack(const Packing<T>&, int64_t, int64_t) {}

template <class T>
void multiply(const Step<T>& s, const Part& part) {
  const int64_t h = s.units, gates = gates_of(s.cell);
  for (int64_t n = part.row; n < part.row_end; ++n)
    for (int64_t g = 0; g < gates; ++g)
      for (int64_t j = g * h + part.unit; j < g * h + part.unit_end; ++j) {
        double sum = s.bias ? double(s.bias[j]) : 0;
        for (int64_t k = 0; k < h; ++k) sum += double(s.h[n * h + k]) * double(s.weight[j * h + k]);
        s.gates[n * gates * h + j] = T(sum);
      }
}

// One unit of one sample; x and z point to its first gate, the next is `h` further.
template <class T>
void unit(const Step<T>& s, const T* x, T* z, int64_t h, int64_t at) {
  T next = 0;
  if (s.cell == Cell::lstm) {
    const T i = sigmoid(x[0] + z[0]), f = sigmoid(x[h] + z[h]), g = tanh(x[2 * h] + z[2 * h]),
            o = sigmoid(x[3 * h] + z[3 * h]), c = f * s.c[at] + i * g;
    z[0] = i, z[h] = f, z[2 * h] = g, z[3 * h] = o;
    s.c_next[at] = c;
    next = o * tanh(c);
  } else if (s.cell == Cell::gru) {
    const T r = sigmoid(x[0] + z[0]), u = sigmoid(x[h] + z[h]), q = z[2 * h], n = tanh(x[2 * h] + r * q);
    z[0] = r, z[h] = u, z[2 * h] = n;
    s.reset[at] = q;
    next = (1 - u) * n + u * s.h[at];
  } else {
    const T u = x[0] + z[0];
    z[0] = next = s.cell == Cell::tanh ? tanh(u) : max(u, T(0));
  }
  s.h_next[at] = s.y[at] = next;
}

template <class T>
void finish(const Step<T>& s, const Part& part) {
  const int64_t h = s.units, row = gates_of(s.cell) * h;
  for (int64_t n = part.row; n < part.row_end; ++n)
    for (int64_t j = part.unit; j < part.unit_end; ++j) {
      const int64_t at = n * h + j;
      if (!s.lengths || s.time < s.lengths[n]) {
        unit(s, s.x + n * row + j, s.gates + n * row + j, h, at);
        continue;
      }
      s.y[at] = 0;
      s.h_next[at] = s.h[at];
      if (s.c) s.c_next[at] = s.c[at];
    }
}

// One unit of one sample on the way back; z, dx and dz point to its first gate.
template <class T>
void unit_back(const BackwardStep<T>& s, T dh, T* z, T* dx, T* dz, int64_t h, int64_t at) {
  if (s.cell == Cell::lstm) {
    const T i = z[0], f = z[h], g = z[2 * h], o = z[3 * h], t = tanh(s.c_next[at]);
    const T dc = s.dc[at] + dh * o * (1 - t * t);
    dx[0] = dc * g * i * (1 - i);
    dx[h] = dc * s.c[at] * f * (1 - f);
    dx[2 * h] = dc * i * (1 - g * g);
    dx[3 * h] = dh * t * o * (1 - o);
    s.dc[at] = dc * f;
    s.dh[at] = 0;
  } else if (s.cell == Cell::gru) {
    const T r = z[0], u = z[h], n = z[2 * h], dn = dh * (1 - u) * (1 - n * n);
    dx[0] = dz[0] = dn * s.reset[at] * r * (1 - r);
    dx[h] = dz[h] = dh * (s.h[at] - n) * u * (1 - u);
    dx[2 * h] = dn;
    dz[2 * h] = dn * r;
    s.dh[at] = dh * u;
  } else {
    dx[0] = s.cell == Cell::tanh ? dh * (1 - z[0] * z[0]) : z[0] > 0 ? dh : T(0);
    s.dh[at] = 0;
  }
}

template <class T>
void derive(const BackwardStep<T>& s, const Part& part) {
  const int64_t h = s.units, gates = gates_of(s.cell), row = gates * h;
  for (int64_t n = part.row; n < part.row_end; ++n)
    for (int64_t j = part.unit; j < part.unit_end; ++j) {
      const int64_t at = n * h + j, first = n * row + j;
      const T carried = s.dh[at] + (s.product ? s.product[at] : T(0));
      if (!s.lengths || s.time < s.lengths[n]) {
        unit_back(s, carried + (s.dy ? s.dy[at] : T(0)), s.gates + first, s.dx + first, s.dz + first, h, at);
        continue;
      }
      s.dh[at] = carried;
      for (int64_t g = 0; g < gates; ++g) s.dx[first + g * h] = s.dz[first + g * h] = 0;
    }
}

template <class T>
void multiply_back(const BackwardStep<T>& s, T* product, const Part& part) {
  const int64_t h = s.units, depth = gates_of(s.cell) * h;
  for (int64_t n = part.row; n < part.row_end; ++n)
    for (int64_t j = part.unit; j < part.unit_end; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < depth; ++k) sum += double(s.dz[n * depth + k]) * double(s.weight[k * h + j]);
      product[n * h + j] = T(sum);
    }
}

}  // namespace

extern const RecurrentTable<float> recurrent_float;
extern const RecurrentTable<double> recurrent_double;
const RecurrentTable<float> recurrent_float{pack, multiply, finish, derive, multiply_back};
const RecurrentTable<double> recurrent_double{pack, multiply, finish, derive, multiply_back};

}  // namespace wxb::ref
