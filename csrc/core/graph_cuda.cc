#include <cuda_runtime_api.h>

#include "core/backend.h"

namespace wxb {

namespace {

class CudaGraph : public Graph {
 public:
  ~CudaGraph() override {
    if (exec_) cudaGraphExecDestroy(exec_);
    if (graph_) cudaGraphDestroy(graph_);
  }

  // The launches go to a stream of their own, which takes them down instead of running them: the default stream cannot.
  cudaError_t take_down(const std::function<void(void*)>& launches) {
    cudaStream_t stream;
    cudaError_t error = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    if (error != cudaSuccess) return error;
    error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
    if (error == cudaSuccess) {
      launches(stream);
      error = cudaStreamEndCapture(stream, &graph_);
    }
    if (error == cudaSuccess) error = cudaGraphInstantiate(&exec_, graph_, 0);
    cudaStreamDestroy(stream);
    return error;
  }

  void launch(Context& context) override {
    const cudaError_t error = cudaGraphLaunch(exec_, static_cast<cudaStream_t>(context.stream));
    if (error != cudaSuccess) cudaGetLastError(), context.report(Code::launch_failed, error);
  }

 private:
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t exec_ = nullptr;
};

}  // namespace

std::unique_ptr<Graph> make_graph(const std::function<void(void*)>& launches, std::string& why) {
  auto graph = std::make_unique<CudaGraph>();
  const cudaError_t error = graph->take_down(launches);
  if (error == cudaSuccess) return graph;
  cudaGetLastError();
  why = message("the launches make no graph: ", cudaGetErrorName(error), ", ", cudaGetErrorString(error));
  return nullptr;
}

}  // namespace wxb
