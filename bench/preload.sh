# Sets `preload` to what a tuned PyTorch gets by LD_PRELOAD: tcmalloc, and on other processors than Intel's the word that MKL may use
# their vector units. To be sourced, with a folder in `work`.
preload=$(ls /usr/lib/*/libtcmalloc*.so.4 2>/dev/null | head -1)
if ! grep -q GenuineIntel /proc/cpuinfo && command -v gcc >/dev/null; then
    echo 'int mkl_serv_intel_cpu_true(void) { return 1; }' | gcc -shared -fPIC -x c - -o "$work/mkl.so"
    preload="$preload $work/mkl.so"
fi
