#pragma once
#include <cstring>
#include <map>
#include <memory>
#include <unordered_set>
#include <vector>

#include "core/array.h"
#include "core/backend.h"
#include "core/context.h"
#include "core/operands.h"

namespace wxb {

// A recorded step: the launches of one run, arguments by value, and the memory they use.
class Plan {
 public:
  static inline thread_local Plan* recording = nullptr;

  // Plans may share an arena: each uses as scratch what the others do, so one of them replays at a time, and what lies
  // in it is gone after the next.
  explicit Plan(std::shared_ptr<Arena> arena) : arena_(arena ? std::move(arena) : std::make_shared<Arena>()) {}

  struct Launch {
    const char* name;
    void (*run)(const void* args, Context&);
    void (*visit)(const void* args, const Operands&);
    double (*work)(const void* args);
    size_t offset;  // of the args struct in bytes_
  };

  template <auto Kernel, Arguments A>
  void append(const char* name, const A& args) {
    graph_.reset(), why_no_graph_.clear();
    const size_t offset = (bytes_.size() + 15) & ~size_t{15};
    bytes_.resize(offset + sizeof(A));
    std::memcpy(bytes_.data() + offset, &args, sizeof(A));
    launches_.push_back({name, [](const void* p, Context& c) { Kernel(*static_cast<const A*>(p), c); },
                         [](const void* p, const Operands& f) { static_cast<const A*>(p)->operands(f); },
                         [](const void* p) { return double(static_cast<const A*>(p)->work()); }, offset});
  }

  // Copies the data of the inputs, Tensors, into the slots, replays without the GIL, returns copies of the outputs (or
  // the outputs themselves: valid until the next replay). None, and nothing was done, unless the inputs are Tensors of
  // this device, contiguous, of the shapes and dtypes that were recorded, that require no gradient; nor while another
  // plan records.
  py::object run(const py::tuple& inputs, bool alias_outputs);
  void replay();                                                     // the launches alone; called without the GIL
  const std::string& why_no_graph() const { return why_no_graph_; }  // empty before the first replay
  std::vector<double> profile(int repeats);  // replays so often: the least seconds of each launch

  size_t size() const { return launches_.size(); }
  std::shared_ptr<Arena> arena() const { return arena_; }
  bool owns(const void* address) const { return arena_->owns(address); }
  Context& context() { return context_; }

  // One (name, work, operands) per launch; an operand is (address, bytes, is it written, is it in the arena).
  py::list launches() const;

  std::vector<Array> slots;
  std::vector<Array> outputs() const;
  void set_outputs(const std::vector<Array>& outputs);

  // Holds an array (or table) that a launch touched and that does not lie in the plan's own arena.
  void keep(py::handle owner);

  // State is what the launches write outside the arena: parameters, gradients, optimizer state, counters.
  py::bytes state() const;
  bool has_state(const py::bytes& state) const;
  void set_state(const py::bytes& state);

 private:
  // One replay at a time, from the copy of the inputs to that of the outputs.
  struct Turn {
    Arena& arena;
    explicit Turn(Arena& a) : arena(a) {
      if (arena.busy.exchange(true)) throw std::runtime_error("plan: it is already replaying on another thread");
    }
    ~Turn() { arena.busy = false; }
  };

  struct Output {
    Array array;
    py::tuple shape;
    py::object dtype;
  };

  void run_launches();  // as a graph where there is one; raises what they reported
  template <class After>
  void run_list(After after);
  void raise_report();
  std::map<void*, size_t> written() const;

  std::vector<Output> outputs_;
  std::vector<Launch> launches_;
  std::vector<std::byte> bytes_;
  std::shared_ptr<Arena> arena_;
  std::vector<py::object> kept_;
  std::unordered_set<PyObject*> kept_set_;
  Context context_;
  std::unique_ptr<Graph> graph_;
  std::string why_no_graph_;
};

// An uninitialised, contiguous array. While a plan records on this thread it comes from the plan's arena, unless
// `persistent`: what the host fills, or what must keep its value from one replay to the next (constants, parameters,
// .grad, optimizer state, counters), may not lie in memory that earlier launches of the same plan use as scratch.
// A block returns to where it came from, whoever frees it and whenever, and keeps that alive. All calls hold the GIL.
py::object empty(const py::tuple& shape, const py::object& dtype, bool persistent);

Context& eager_context();
[[noreturn]] void raise(const char* name, const Report& report);  // IndexError or FloatingPointError

// Work above which an eager launch lets other Python threads run: about 1 ms at 10 GFLOP/s.
constexpr double release_from = 1e7;

// Runs a kernel, appends it to the plan that records on this thread, and raises what it reported.
template <auto Kernel, Arguments A>
void launch(const char* name, const A& args) {
  Plan* plan = Plan::recording;
  Context& context = plan ? plan->context() : eager_context();
  context.name = name;
  context.launch = plan ? uint32_t(plan->size()) : context.launch + 1;
  if (args.work() > release_from) {
    py::gil_scoped_release nogil;
    Kernel(args, context);
  } else {
    Kernel(args, context);
  }
  if (const uint64_t word = context.take(); word != Context::none) raise(context.name_of(word), Report(word));
  if (plan) plan->append<Kernel>(name, args);
}

}  // namespace wxb
