// What the emulator promises, tried: tests/cuda/test_emulator.py builds this and looks at what it prints, or how it
// ends when it is given the name of a mistake.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "core/rows.cuh"

namespace wxb {

Status Context::status() { return {reinterpret_cast<unsigned long long*>(&word_), nullptr, launch}; }
const char* Context::name_of(uint64_t) const { return name; }
void Context::fetch() {}
void Context::release() {}

namespace cuda {

namespace {

__global__ void leftovers(float* y, bool write) {
  __shared__ float tile[32];
  if (write) tile[threadIdx.x] = 1;
  y[threadIdx.x] = tile[threadIdx.x];
}

template <class T>
__global__ void leftovers_of_template(T* y, bool write) {
  __shared__ T tile[32];
  if (write) tile[threadIdx.x] = 1;
  y[threadIdx.x] = tile[threadIdx.x];
}

__global__ void reverse(int* y) {
  int* const tile = dynamic_shared<int>();
  tile[threadIdx.x] = y[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

__global__ void reverse_without_barrier(int* y) {
  int* const tile = dynamic_shared<int>();
  tile[threadIdx.x] = y[threadIdx.x];
  y[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

__global__ void overrun(int* y) { y[threadIdx.x] = dynamic_shared<int>()[threadIdx.x + 1]; }

__global__ void some_come(int* y) {
  if (threadIdx.x < 40) __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void two_barriers(int* y) {
  if (threadIdx.x < 40)
    __syncthreads();
  else
    y[0] = __syncthreads_count(1);
}

__global__ void short_warp(int* y) { y[threadIdx.x] = __shfl_xor_sync(whole_warp, int(threadIdx.x), 1); }

__global__ void shuffle(int* y) {
  const int lane = int(threadIdx.x);
  const int votes = int(__ballot_sync(whole_warp, lane % 3 == 0) & 0xff);
  y[lane] = __shfl_down_sync(whole_warp, lane, 1) + 100 * __shfl_up_sync(whole_warp, lane, 1) +
            10000 * __shfl_sync(whole_warp, lane, 3, 8) + 1000000 * votes;
}

struct RowSum {
  const int* x;
  double* y;
  int64_t columns;
  template <class Team>
  __device__ void run(Team team, int64_t row) const {
    double sum = 0;
    for (int64_t j = team.rank(); j < columns; j += team.size) sum += x[row * columns + j];
    sum = team.sum(sum);
    if (team.rank() == 0) y[row] = sum;
  }
};

bool sums_rows(Context& context, int64_t rows, int64_t columns) {
  std::vector<int> x(size_t(rows * columns));
  std::vector<double> y(static_cast<size_t>(rows));
  for (size_t i = 0; i < x.size(); ++i) x[i] = int(i * 7919 % 1000);
  launch_rows(context, rows, columns, RowSum{x.data(), y.data(), columns});
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < columns; ++j) y[size_t(row)] -= x[size_t(row * columns + j)];
  for (double rest : y)
    if (rest != 0) return false;
  return true;
}

void try_all(Context& context) {
  std::vector<float> floats(32);
  std::vector<double> doubles(32);
  for (bool write : {true, false}) {
    launch_blocks(context, leftovers, 2, 32, 0, floats.data(), write);
    launch_blocks(context, leftovers_of_template<double>, 2, 32, 0, doubles.data(), write);
    std::printf("poisoned %d %d\n", std::isnan(floats[7]), std::isnan(doubles[31]));
  }
  std::vector<int> y(256);
  for (int i = 0; i < 256; ++i) y[size_t(i)] = i;
  launch_blocks(context, reverse, 1, 256, 1024, y.data());
  std::printf("reversed %d %d\n", y[0], y[255]);
  launch_blocks(context, reverse_without_barrier, 1, 256, 1024, y.data());
  std::printf("seen without a barrier %d\n", y[0] == 255 && y[255] == 0);
  launch_blocks(context, shuffle, 1, 32, 0, y.data());
  std::printf("shuffled %d %d %d\n", y[0], y[5], y[31]);
  bool right = true;
  for (int64_t columns : {1, 31, 1024, 1025, 5000}) right = right && sums_rows(context, 37, columns);
  std::printf("rows %d\n", right);
  const Status status = context.status();
  launch_each(context, 1000, [=] __device__(int64_t i) {
    if (i % 300 == 299) report(status, Code::bad_index, uint64_t(i));
  });
  std::printf("reported %u\n", Report(context.take()).position);
  launch_blocks(context, reverse, 1, 256, 60 << 10, y.data());
  std::printf("much shared memory %d\n", context.take() == Context::none);
  launch_blocks(context, reverse, 1, 256, 300 << 10, y.data());
  std::printf("too much %d\n", int(Report(context.take()).code));
}

void mistake(Context& context, const std::string& name) {
  std::vector<int> y(256);
  if (name == "overrun") launch_blocks(context, overrun, 1, 256, 1024, y.data());
  if (name == "some come") launch_blocks(context, some_come, 1, 64, 0, y.data());
  if (name == "two barriers") launch_blocks(context, two_barriers, 1, 64, 0, y.data());
  if (name == "short warp") launch_blocks(context, short_warp, 1, 40, 0, y.data());
}

}  // namespace
}  // namespace cuda
}  // namespace wxb

int main(int count, char** words) {
  wxb::Context context;
  count > 1 ? wxb::cuda::mistake(context, words[1]) : wxb::cuda::try_all(context);
}
