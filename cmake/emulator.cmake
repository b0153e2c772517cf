# _cuda_emulated: the CUDA kernels compiled by the C++ compiler against tests/emulator, over numpy arrays. It proves
# their arithmetic and their indices where there is no GPU.
set(EMULATED_SOURCES "")
foreach(source ${CUDA_SOURCES})
  get_filename_component(name ${source} NAME_WE)
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/generated/emulated/${name}.cc CONTENT "#include \"@source@\"\n" @ONLY)
  list(APPEND EMULATED_SOURCES ${CMAKE_CURRENT_BINARY_DIR}/generated/emulated/${name}.cc)
endforeach()
# The kernels' shared memory is poisoned between two markers, so their objects stand together.
set(EMULATOR ${CMAKE_CURRENT_SOURCE_DIR}/tests/emulator)
set(EMULATED_SOURCES ${EMULATOR}/block.cc ${EMULATOR}/fiber.cc ${EMULATOR}/shared.cc
                     ${EMULATOR}/shared_begin.cc ${EMULATED_SOURCES} ${EMULATOR}/shared_end.cc)
pybind11_add_module(_cuda_emulated NO_EXTRAS csrc/module.cc ${CORE} ${CUDA_BINDINGS} ${EMULATED_SOURCES})
target_include_directories(_cuda_emulated PRIVATE ${EMULATOR} ${INCLUDES} ${CMAKE_CURRENT_BINARY_DIR}/generated/cuda)
target_compile_definitions(_cuda_emulated PRIVATE BACKEND=cuda WXB_BACKEND_CPU MODULE=_cuda_emulated WXB_TARGET=cuda)
target_compile_options(_cuda_emulated PRIVATE ${COMMON} ${BASELINE} -O1 -fno-strict-aliasing -Wno-unknown-pragmas)
target_precompile_headers(_cuda_emulated PRIVATE csrc/core/plan.h)
set_source_files_properties(${EMULATED_SOURCES} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
target_link_libraries(_cuda_emulated PRIVATE Threads::Threads)
install(TARGETS _cuda_emulated DESTINATION wxb)
