// Tests the toolkit: a kernel, and the libraries of the GPU as a program links with them. Run where no GPU is to be
// seen (CUDA_VISIBLE_DEVICES empty), every library answers with an error code, and nothing crashes.

#include <cstdio>
#include <cuda_bf16.h>

extern "C" int cuInit(unsigned flags);
extern "C" int cublasCreate_v2(void **handle);
extern "C" int curandCreateGenerator(void **generator, int kind);
extern "C" const char *nvrtcGetErrorString(int code);

__global__ void twice(__nv_bfloat16 *x) { x[threadIdx.x] *= __nv_bfloat16(2); }

int main() {
  void *handle = nullptr;
  int driver = cuInit(0), blas = cublasCreate_v2(&handle), random = curandCreateGenerator(&handle, 100);
  twice<<<1, 1>>>(nullptr);
  int runtime = cudaGetLastError();
  const char *text = nvrtcGetErrorString(0);
  std::printf("cuInit %d, cublasCreate %d, curandCreateGenerator %d, launch %d, nvrtc \"%s\"\n", driver, blas, random, runtime, text);
  return !(driver == 100 && blas != 0 && random != 0 && runtime != 0 && text);
}
