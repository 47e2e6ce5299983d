# Sets `preload` to what a tuned PyTorch gets by LD_PRELOAD: tcmalloc, and on other processors than Intel's the word that MKL may use
# their vector units. To be sourced, with a folder in `work`. Ends the script where one is missing: that PyTorch would not be tuned.
preload=$(compgen -G '/usr/lib/*/libtcmalloc*.so.4' | head -1) ||
    { echo "tcmalloc is missing, with which PyTorch is measured: apt-get install libtcmalloc-minimal4" >&2; exit 1; }
if ! grep -q GenuineIntel /proc/cpuinfo; then
    echo 'int mkl_serv_intel_cpu_true(void) { return 1; }' | gcc -shared -fPIC -x c - -o "$work/mkl.so"
    preload="$preload $work/mkl.so"
fi
