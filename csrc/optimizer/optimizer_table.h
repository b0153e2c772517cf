#pragma once
#include "optimizer/formulas.h"

namespace wxb {

// The bodies: elements [begin, end) of the rows laid end to end, on one thread.
template <class T>
struct OptimizerTable {
  void (*sgd)(const Rows<T>&, const SgdScalars<T>&, bool momentum, int64_t begin, int64_t end);
  void (*adam)(const Rows<T>&, const AdamScalars<T>&, int64_t begin, int64_t end);
  void (*rmsprop)(const Rows<T>&, const RmspropScalars<T>&, bool centered, bool momentum, int64_t begin, int64_t end);
  double (*squares)(const T* x, int64_t count);  // sum of x^2
  void (*scale)(T* x, int64_t count, T factor);  // x <- factor x
};

// Calls f(row, from, to) for the pieces of rows that make up [begin, end).
template <class T, class F>
inline __attribute__((always_inline)) void for_pieces(const Rows<T>& rows, int64_t begin, int64_t end, F f) {
  int64_t first = 0, after = rows.count;  // the last row that starts at or before begin
  while (after - first > 1) {
    const int64_t middle = (first + after) / 2;
    (rows.row[middle].start <= begin ? first : after) = middle;
  }
  for (int64_t r = first; r < rows.count && rows.row[r].start < end; ++r) {
    const Row<T>& row = rows.row[r];
    const int64_t from = begin > row.start ? begin - row.start : 0, to = end - row.start;
    f(row, from, to < row.parameter.size ? to : row.parameter.size);
  }
}

}  // namespace wxb
