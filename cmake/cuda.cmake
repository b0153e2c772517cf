# _cuda: built where nvcc 12 or later is found. It imports without a driver: the CUDA runtime is linked statically and
# libcuda not at all.
find_program(NVCC nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
if(NVCC AND "$ENV{CUDACXX}" STREQUAL "") # an empty CUDACXX would hide nvcc from CMake
  set(ENV{CUDACXX} "${NVCC}")
endif()
set(CMAKE_CUDA_ARCHITECTURES 80-real) # for the compiler check alone
include(CheckLanguage)
check_language(CUDA)
if(CMAKE_CUDA_COMPILER)
  enable_language(CUDA)
  find_package(CUDAToolkit)
endif()

if(CMAKE_CUDA_COMPILER AND CUDAToolkit_FOUND AND CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.0)
  file(GLOB CUDA_CORE CONFIGURE_DEPENDS csrc/core/*_cuda.cc)

  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION) # CMake before 3.26 does not know that nvcc 12 can do C++20
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  endif()

  add_library(cuda_kernels OBJECT ${CUDA_SOURCES})
  set_target_properties(cuda_kernels PROPERTIES CUDA_ARCHITECTURES "${WXB_CUDA_ARCHS}" CUDA_STANDARD 20
                        CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF CUDA_VISIBILITY_PRESET hidden)
  target_include_directories(cuda_kernels PRIVATE ${INCLUDES})
  target_compile_definitions(cuda_kernels PRIVATE BACKEND=cuda WXB_TARGET=cuda)
  if(WXB_CUDA_ARCHS MATCHES "90a") # wgmma is of that architecture alone, and a kernel cannot ask what it was built for
    target_compile_definitions(cuda_kernels PRIVATE WXB_SM90A)
  endif()
  # As on the CPU, FMA is written where it is meant. A kernel that needs local memory is a mistake: ptxas says so.
  target_compile_options(cuda_kernels PRIVATE -O3 --fmad=false --extended-lambda -Xcompiler=-Wall,-Wextra
                         -Xptxas=--warn-on-spills,--warn-on-local-memory-usage)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.8)
    target_compile_options(cuda_kernels PRIVATE --compress-mode=size) # a tenth of the default's size
  endif()

  pybind11_add_module(_cuda NO_EXTRAS csrc/module.cc csrc/core/array.cc csrc/core/plan.cc ${CUDA_CORE} ${CUDA_BINDINGS}
                      $<TARGET_OBJECTS:cuda_kernels>)
  target_include_directories(_cuda PRIVATE ${INCLUDES} ${CMAKE_CURRENT_BINARY_DIR}/generated/cuda)
  target_compile_definitions(_cuda PRIVATE BACKEND=cuda MODULE=_cuda)
  target_compile_options(_cuda PRIVATE ${COMMON} ${BASELINE} -O1)
  target_precompile_headers(_cuda PRIVATE csrc/core/plan.h)
  target_link_libraries(_cuda PRIVATE CUDA::cudart_static)
  target_link_options(_cuda PRIVATE -Wl,--exclude-libs,ALL -Wl,-s)
  install(TARGETS _cuda DESTINATION wxb)
elseif(WXB_CUDA STREQUAL "ON")
  message(FATAL_ERROR "WXB_CUDA=ON, but there is no CUDA compiler of version 12 or later; install one or set WXB_CUDA=AUTO")
else()
  message(STATUS "no nvcc of version 12 or later: the CPU library only")
endif()
