// CUDA's driver and run-time compiler in software, as far as gluepot calls them: for tests of the CUDA path without a GPU.
//
// Built once and loaded under the names of both libraries (tests/cuda.sh). A kernel's CUDA C++ is compiled for the CPU
// (unit.h) and run when it is launched, so that streams and events have nothing to wait for. What may go wrong on a GPU goes
// wrong here too: new memory is full of NaN; while a stream is recorded, nothing may wait, copy on another stream or
// allocate; a recorded kernel has the arguments of its launch for good.
//
// SOFT_CUDA_FOLDER      where kernels are kept
// SOFT_CUDA_UNIT        the path of unit.h
// SOFT_CUDA_CAPABILITY  of the GPU that this pretends to be, such as 75
// SOFT_CUDA_NVRTC       NVIDIA's compiler, which must accept every kernel too
// SOFT_CUDA_SKIP        set: kernels are compiled by NVRTC alone and not run, over memory full of zeros
// SOFT_CUDA_GPUS        how many there are, of which CUDA_VISIBLE_DEVICES shows some
// SOFT_CUDA_MEMORY      bytes of each
// SOFT_CUDA_FAULT       COUNT:ERROR, such as 500:719: of launches and replays the 500th goes wrong, and with it whatever follows

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

using Address = uint64_t;

enum Result {
    Success = 0,
    InvalidValue = 1,
    OutOfMemory = 2,
    NvrtcCompilation = 6,
    InvalidDevice = 101,
    InvalidImage = 200,
    InvalidContext = 201,
    NotFound = 500,
    CaptureUnsupported = 900,
};

static std::string setting(const char* name, const char* otherwise) {
    const char* value = getenv(name);
    return value ? value : otherwise;
}

static const bool skips = getenv("SOFT_CUDA_SKIP");
static std::recursive_mutex one_at_a_time;
#define ALONE std::lock_guard<std::recursive_mutex> guard(one_at_a_time)

// ---- the device: a small one, or of generation 9.0 and above one of an H100's size

static const int capability = atoi(setting("SOFT_CUDA_CAPABILITY", "75").c_str());
static const bool is_large = capability >= 90;
static const size_t MEMORY = strtoull(setting("SOFT_CUDA_MEMORY", is_large ? "85899345920" : "8589934592").c_str(), nullptr, 10);

// The GPUs that this process sees, by their numbers among all.
static std::vector<int> visible() {
    const int count = atoi(setting("SOFT_CUDA_GPUS", "1").c_str());
    std::vector<int> all;
    std::stringstream numbers(setting("CUDA_VISIBLE_DEVICES", "all"));
    if (numbers.str() == "all")
        for (int number = 0; number < count; number++) all.push_back(number);
    // As NVIDIA's driver has it, none behind the first that is not there.
    for (std::string number; numbers.str() != "all" && getline(numbers, number, ',') && atoi(number.c_str()) < count;)
        all.push_back(atoi(number.c_str()));
    return all;
}
struct Gpu {
    int number;
    size_t used;
};
static std::vector<Gpu> gpus = [] {
    std::vector<Gpu> all;
    for (int number : visible()) all.push_back({number, 0});
    return all;
}();
static thread_local Gpu* current = nullptr;

// What happened, told at the end.
static struct Told {
    long launches = 0, recorded = 0, replays = 0, compiled = 0, refused = 0;
    size_t largest = 0;
    double nvrtc = 0;
    ~Told() {
        if (!launches && !compiled) return;
        fprintf(stderr, "CUDA in software, GPU");
        for (auto& gpu : gpus) fprintf(stderr, " %d", gpu.number);
        fprintf(stderr, ": %ld launches, %ld of them recorded, %ld replays of at most %zu kernels and copies; ", launches, recorded, replays,
                largest);
        fprintf(stderr, "%ld kernels compiled (NVRTC %.1f s), %ld refused\n", compiled, nvrtc, refused);
    }
} told;

// What went wrong once goes wrong for good, as on a GPU; the call itself does not know yet.
static int fault = Success;
static void go_wrong_in_time() {
    static const std::string planned = setting("SOFT_CUDA_FAULT", "");
    static const long count = planned.empty() ? -1 : atol(planned.c_str());
    if (told.launches + told.replays == count) fault = atoi(planned.substr(planned.find(':') + 1).c_str());
}

API int cuInit(unsigned) { return Success; }
API int cuDriverGetVersion(int* version) { return *version = 13000, Success; }
API int cuDeviceGetCount(int* count) { return *count = gpus.size(), Success; }
API int cuDeviceGet(int* device, int number) { return *device = number, number < int(gpus.size()) ? Success : InvalidDevice; }
API int cuDeviceGetName(char* name, int length, int) { return snprintf(name, length, "GPU in software"), Success; }
API int cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = MEMORY, Success; }
API int cuDeviceGetPCIBusId(char* id, int length, int device) {
    return snprintf(id, length, "0000:%02x:00.0", gpus[device].number), Success;
}
API int cuDeviceGetUuid_v2(char* id, int device) { return memset(id, 7 + gpus[device].number, 16), Success; }
API int cuMemGetInfo_v2(size_t* free, size_t* total) {
    if (!current) return InvalidContext;
    return *free = MEMORY - current->used, *total = MEMORY, fault;
}

// By the numbers of CUdevice_attribute.
API int cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
        case 1: case 2: case 3: *value = 1024; break;              // units of a cube, along x, along y
        case 4: *value = 64; break;                                // along z
        case 5: *value = INT32_MAX; break;                         // cubes along x
        case 6: case 7: *value = 65535; break;                     // along y and z
        case 8: *value = 48 << 10; break;                          // shared memory of a cube
        case 10: *value = 32; break;                               // units of a plane
        case 16: *value = is_large ? 132 : 4; break;               // multiprocessors
        case 75: *value = capability / 10; break;
        case 76: *value = capability % 10; break;
        case 97:                                                   // shared memory of a cube, on request
            *value = (is_large ? 227 : capability >= 80 ? 99 : 64) << 10;
            break;
        default: *value = 1;
    }
    return Success;
}

// A GPU's context is the GPU.
API int cuDevicePrimaryCtxRetain(void** out, int device) { return *out = &gpus[device], Success; }
API int cuDevicePrimaryCtxRelease_v2(int) { return Success; }
API int cuCtxSetCurrent(void* context) { return current = static_cast<Gpu*>(context), Success; }
API int cuCtxGetCurrent(void** out) { return *out = current, Success; }
API int cuCtxSynchronize() { return fault; }
API int cuCtxGetStreamPriorityRange(int* least, int* greatest) { return *least = *greatest = 0, Success; }

// The words of NVIDIA's driver for what is tested.
API int cuGetErrorString(int error, const char** text) {
    switch (error) {
        case OutOfMemory: *text = "out of memory"; break;
        case 214: *text = "uncorrectable ECC error encountered"; break;
        case 700: *text = "an illegal memory access was encountered"; break;
        case 719: *text = "unspecified launch failure"; break;
        default: *text = "an error of CUDA in software";
    }
    return Success;
}
API int cuGetErrorName(int error, const char** name) { return cuGetErrorString(error, name); }

// ---- streams and graphs

// By the numbers of CUgraphNodeType.
enum Kind { Kernel = 0, Copy = 1, Fill = 2, Allocation = 10, Release = 11 };
struct Node {
    Kind kind;
    std::function<void()> work;
};
using Graph = std::vector<std::shared_ptr<Node>>;
struct Stream {
    std::unique_ptr<Graph> recording;
};
static Stream* recorder = nullptr;

// Does work of a stream, or records it.
static int order(void* stream, Kind kind, std::function<void()> work) {
    if (fault) return fault;
    if (!current) return InvalidContext;
    auto* of = static_cast<Stream*>(stream);
    if (!of || !of->recording) return work(), Success;
    told.recorded++;
    of->recording->push_back(std::make_shared<Node>(Node{kind, std::move(work)}));
    return Success;
}

// What may wait for the device is refused while anything is recorded (CU_STREAM_CAPTURE_MODE_GLOBAL).
static int waits(const char* what) {
    if (fault || !recorder) return fault;
    fprintf(stderr, "CUDA in software: %s while a stream is recorded\n", what);
    return CaptureUnsupported;
}

API int cuStreamCreate(void** stream, unsigned) { return *stream = new Stream, Success; }
API int cuStreamCreateWithPriority(void** stream, unsigned, int) { return *stream = new Stream, Success; }
API int cuStreamDestroy_v2(void* stream) { return delete static_cast<Stream*>(stream), Success; }
API int cuStreamSynchronize(void*) { ALONE; return waits("cuStreamSynchronize"); }
API int cuStreamWaitEvent(void*, void*, unsigned) { return fault; }
API int cuStreamBeginCapture_v2(void* stream, int) {
    ALONE;
    if (recorder) return CaptureUnsupported;
    recorder = static_cast<Stream*>(stream);
    recorder->recording = std::make_unique<Graph>();
    return Success;
}
API int cuStreamEndCapture(void* stream, void** graph) {
    ALONE;
    *graph = static_cast<Stream*>(stream)->recording.release();
    recorder = nullptr;
    return *graph ? Success : CaptureUnsupported;
}
API int cuGraphGetNodes(void* graph, void** nodes, size_t* count) {
    auto& all = *static_cast<Graph*>(graph);
    if (nodes) for (size_t i = 0; i < *count && i < all.size(); i++) nodes[i] = all[i].get();
    *count = all.size();
    return Success;
}
API int cuGraphNodeGetType(void* node, int* kind) { return *kind = static_cast<Node*>(node)->kind, Success; }
API int cuGraphDestroy(void* graph) { return delete static_cast<Graph*>(graph), Success; }
API int cuGraphInstantiateWithFlags(void** out, void* graph, unsigned long long) {
    return *out = new Graph(*static_cast<Graph*>(graph)), Success;
}
API int cuGraphExecDestroy(void* graph) { return delete static_cast<Graph*>(graph), Success; }
API int cuGraphUpload(void*, void*) { return Success; }
API int cuGraphLaunch(void* graph, void*) {
    ALONE;
    if (fault) return fault;
    told.replays++;
    go_wrong_in_time();
    if (fault) return Success;
    told.largest = std::max(told.largest, static_cast<Graph*>(graph)->size());
    for (auto& node : *static_cast<Graph*>(graph)) node->work();
    return Success;
}

// ---- events

static double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
API int cuEventCreate(void** event, unsigned) { return *event = new double(seconds()), Success; }
API int cuEventDestroy_v2(void* event) { return delete static_cast<double*>(event), Success; }
API int cuEventRecord(void* event, void*) { return *static_cast<double*>(event) = seconds(), fault; }
API int cuEventSynchronize(void*) { ALONE; return waits("cuEventSynchronize"); }
API int cuEventElapsedTime_v2(float* milliseconds, void* from, void* to) {
    return *milliseconds = 1e3 * (*static_cast<double*>(to) - *static_cast<double*>(from)), Success;
}
API int cuEventElapsedTime(float* milliseconds, void* from, void* to) { return cuEventElapsedTime_v2(milliseconds, from, to); }

// ---- memory

// What each allocation takes, and of which GPU.
static std::map<Address, std::pair<Gpu*, size_t>> allocated;

static void* fresh(size_t bytes) {
    size_t whole = (bytes + 1023) / 512 * 512;
    return memset(aligned_alloc(512, whole), skips ? 0 : 0xff, whole);
}
static int allocate(Address* address, size_t bytes) {
    if (fault) return fault;
    if (!current) return InvalidContext;
    if (current->used + bytes > MEMORY) return OutOfMemory;
    *address = (Address)fresh(bytes);
    allocated[*address] = {current, bytes};
    current->used += bytes;
    return Success;
}
static int release(Address address) {
    auto found = allocated.find(address);
    if (found == allocated.end()) return fault ? fault : InvalidValue;
    found->second.first->used -= found->second.second;
    allocated.erase(found);
    return free((void*)address), fault;
}
API int cuMemAlloc_v2(Address* address, size_t bytes) {
    ALONE;
    if (int refused = waits("cuMemAlloc")) return refused;
    return allocate(address, bytes);
}
API int cuMemFree_v2(Address address) {
    ALONE;
    if (int refused = waits("cuMemFree")) return refused;
    return release(address);
}
API int cuMemAllocHost_v2(void** address, size_t bytes) {
    ALONE;
    if (int refused = waits("cuMemAllocHost")) return refused;
    return *address = fresh(bytes), Success;
}
API int cuMemFreeHost(void* address) { return free(address), fault; }
// As nodes of a graph these would be refused when it is made.
API int cuMemAllocAsync(Address* address, size_t bytes, void* stream) {
    ALONE;
    if (int refused = allocate(address, bytes)) return refused;
    auto* of = static_cast<Stream*>(stream);
    return of && of->recording ? order(stream, Allocation, [] {}) : Success;
}
API int cuMemFreeAsync(Address address, void* stream) {
    ALONE;
    auto* of = static_cast<Stream*>(stream);
    return of && of->recording ? order(stream, Release, [] {}) : release(address);
}

static int copy(void* to, const void* from, size_t bytes, void* stream) {
    ALONE;
    return order(stream, Copy, [=] { memcpy(to, from, bytes); });
}
API int cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* stream) { return copy((void*)to, from, bytes, stream); }
API int cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* stream) { return copy(to, (void*)from, bytes, stream); }
API int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void* stream) { return copy((void*)to, (void*)from, bytes, stream); }
API int cuMemsetD8Async(Address to, unsigned char value, size_t bytes, void* stream) {
    ALONE;
    return order(stream, Fill, [=] { memset((void*)to, value, bytes); });
}

// CUDA_MEMCPY2D: rows that begin at multiples of a pitch.
struct Side {
    size_t x, y;
    int memory;
    void* host;
    Address device;
    void* array;
    size_t pitch;
    char* start() const { return static_cast<char*>(memory == 1 ? host : (void*)device); }
};
struct Rows {
    Side from, to;
    size_t width, height;
};
API int cuMemcpy2DAsync_v2(const Rows* given, void* stream) {
    ALONE;
    return order(stream, Copy, [rows = *given] {
        for (size_t row = 0; row < rows.height; row++)
            memcpy(rows.to.start() + row * rows.to.pitch, rows.from.start() + row * rows.from.pitch, rows.width);
    });
}

// Maps for the copy engine of newer GPUs, which nothing here has.
API int cuTensorMapEncodeTiled() { return Success; }
API int cuTensorMapEncodeIm2col() { return Success; }
API int cuTensorMapEncodeIm2colWide() { return Success; }

// ---- kernels

struct Function {
    // None where kernels are not run.
    void (*run)(void** arguments, const uint32_t* grid, const uint32_t* cube);
    std::vector<int> sizes;
    bool sleeps;
};
static const char* const NONE = "none";
static char nothing;

API int cuModuleLoadData(void** module, const void* image) {
    ALONE;
    if (fault) return fault;
    std::string path = static_cast<const char*>(image);
    *module = path == NONE ? &nothing : dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    return *module ? Success : InvalidImage;
}
API int cuModuleGetFunction(void** function, void* module, const char* name) {
    ALONE;
    auto* made = new Function{};
    *function = made;
    // CubeCL measures a GPU's speed by a kernel whose iterations it raises until they take 20 ms. Not run, it has to take time too.
    made->sleeps = skips && strstr(name, "_throughput");
    if (module == &nothing) return Success;
    made->run = reinterpret_cast<decltype(made->run)>(dlsym(module, "unit_run"));
    auto sizes = reinterpret_cast<int (*)(int*)>(dlsym(module, "unit_sizes"));
    if (!made->run || !sizes) return NotFound;
    made->sizes.resize(256);
    made->sizes.resize(sizes(made->sizes.data()));
    return Success;
}
API int cuFuncSetAttribute(void*, int, int) { return Success; }
API int cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned x, unsigned y, unsigned z, unsigned shared,
                       void* stream, void** arguments, void**) {
    ALONE;
    if (fault) return fault;
    told.launches++;
    if (!gx || !gy || !gz || gy > 65535 || gz > 65535 || x * y * z > 1024 || shared > 227u << 10) return InvalidValue;
    go_wrong_in_time();
    if (fault) return Success;
    auto* of = static_cast<Function*>(function);
    if (of->sleeps) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (!of->run) return order(stream, Kernel, [] {});
    std::vector<std::vector<char>> kept;
    for (size_t i = 0; i < of->sizes.size(); i++) {
        auto* bytes = static_cast<char*>(arguments[i]);
        kept.emplace_back(bytes, bytes + of->sizes[i]);
    }
    return order(stream, Kernel, [=]() mutable {
        std::vector<void*> places;
        for (auto& argument : kept) places.push_back(argument.data());
        const uint32_t grid[] = {gx, gy, gz}, cube[] = {x, y, z};
        of->run(places.data(), grid, cube);
    });
}

// ---- the run-time compiler

struct Program {
    std::string source, image, log;
};

// What NVIDIA's own compiler has against a program for this architecture, if there is one.
static bool accepts_nvrtc(Program& program, int count, const char* const* options) {
    static const std::string path = setting("SOFT_CUDA_NVRTC", "");
    static void* library = path.empty() ? nullptr : dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (path.empty()) return true;
    if (!library) return program.log = dlerror(), false;
    auto call = [](const char* name) { return reinterpret_cast<int (*)(...)>(dlsym(library, name)); };
    void* theirs;
    double begun = seconds();
    call("nvrtcCreateProgram")(&theirs, program.source.c_str(), nullptr, 0, nullptr, nullptr);
    bool accepted = call("nvrtcCompileProgram")(theirs, count, options) == 0;
    told.nvrtc += seconds() - begun;
    size_t size = 0;
    call("nvrtcGetProgramLogSize")(theirs, &size);
    program.log.resize(size);
    call("nvrtcGetProgramLog")(theirs, program.log.data());
    call("nvrtcDestroyProgram")(&theirs);
    return accepted;
}

// A plane's instructions, asm volatile("NAME ..." : OUTS : INS), as calls of unit.h.
static std::string with_instructions(const std::string& source) {
    static const std::vector<std::pair<std::string, std::string>> names = {
        {"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 ", "unit_mma_bf16"},
        {"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 ", "unit_mma_tf32"},
        {"ldmatrix.sync.aligned.m8n8.x2.shared::cta.b16 ", "unit_ldmatrix<false>"},
        {"ldmatrix.sync.aligned.m8n8.x4.shared::cta.b16 ", "unit_ldmatrix<false>"},
        {"ldmatrix.sync.aligned.m8n8.x2.trans.shared::cta.b16 ", "unit_ldmatrix<true>"},
        {"ldmatrix.sync.aligned.m8n8.x4.trans.shared::cta.b16 ", "unit_ldmatrix<true>"},
    };
    static const std::regex operand(R"X("=?[rf]"\(([^()]*)\))X");
    const std::string begin = "asm volatile(\"";
    std::string out;
    for (size_t from = 0;;) {
        size_t place = source.find(begin, from);
        if (place == std::string::npos) return out + source.substr(from);
        size_t end = source.find(';', source.find('"', place + begin.size()));
        out += source.substr(from, place - from);
        std::string statement = source.substr(place, end - place);
        for (auto& [name, call] : names) {
            if (statement.compare(begin.size(), name.size(), name)) continue;
            std::string operands;
            for (std::sregex_iterator it(statement.begin(), statement.end(), operand), none; it != none; ++it)
                operands += (operands.empty() ? "" : ", ") + (*it)[1].str();
            statement = call + "(" + operands + ")";
            break;
        }
        out += statement;
        from = end;
    }
}

// The program for the CPU.
static std::string for_units(std::string source) {
    auto replace = [&](const std::string& what, const char* with) { source = std::regex_replace(source, std::regex(what), with); };
    std::smatch head;
    std::regex_search(source, head, std::regex(R"(__global__\s+void\s*(?:__launch_bounds__\([^)]*\))?\s*(\w+)\s*\()"));
    std::string name = head[1];
    // The standard library has these already, for other types of the same size.
    replace(R"(typedef [a-z ]+ u?int(8|16|32|64)_t;)", "");
    replace(R"(extern\s+__shared__\s+(?:__align__\(\d+\)\s+)?(\w+)\s+(\w+)\[\];)", "$1* const $2 = ($1*)unit_shared;");
    replace(R"X(asm(?: volatile)?\("atom\.relaxed\.add\.f32 %0, \[%1\], %2;" : "=f"\((\w+)\) : "l"\((\w+)\), "f"\((\w+)\) *\);)X",
            "$1 = unit_add($2, $3);");
    replace(R"X(asm(?: volatile)?\("(max|min)\.NaN\.f32 %0, %1, %2;" : "=f"\((\w+)\) : "f"\((\w+)\), "f"\((\w+)\) *\);)X",
            "$2 = unit_$1($3, $4);");
    for (const char* header : {"mma.h", "cooperative_groups.h", "cooperative_groups/memcpy_async.h", "cuda/barrier"})
        replace("#include <" + std::string(header) + ">", "");
    source = with_instructions(source);
    bool meet = source.find("__sync") != std::string::npos || source.find("_sync(") != std::string::npos;
    return "#include \"" + setting("SOFT_CUDA_UNIT", "unit.h") + "\"\n" + source + "\nUNIT_KERNEL(" + name + ", " +
           (meet ? "true" : "false") + ")\n";
}

API int nvrtcVersion(int* major, int* minor) { return *major = 13, *minor = 0, Success; }
API const char* nvrtcGetErrorString(int) { return "the compiler failed"; }
API int nvrtcCreateProgram(void** program, const char* source, const char*, int, const char* const*, const char* const*) {
    return *program = new Program{source, NONE, ""}, Success;
}
API int nvrtcDestroyProgram(void** program) { return delete static_cast<Program*>(*program), *program = nullptr, Success; }
API int nvrtcCompileProgram(void* given, int count, const char* const* options) {
    ALONE;
    auto& program = *static_cast<Program*>(given);
    told.compiled++;
    char name[32];
    snprintf(name, sizeof name, "%016zx", std::hash<std::string>()(program.source));
    std::string base = setting("SOFT_CUDA_FOLDER", ".") + "/" + name;
    std::ofstream(base + ".cu") << program.source;
    if (!accepts_nvrtc(program, count, options)) {
        told.refused++;
        std::ofstream(base + ".nvrtc.log") << program.log;
        return NvrtcCompilation;
    }
    if (skips) return Success;
    program.image = base + ".so";
    if (access(program.image.c_str(), R_OK) == 0) return Success;
    // Another process may compile the same kernel at this moment.
    const std::string own = base + "." + std::to_string(getpid());
    std::ofstream(own + ".cpp") << for_units(program.source);
    std::string folders;
    for (int i = 0; i < count; i++)
        if (std::string option = options[i]; option.rfind("--include-path=", 0) == 0) folders += " -isystem " + option.substr(15);
    // Products and sums are rounded one by one, as those that gluepot's kernels are held to.
    std::string command = "g++ -std=c++17 -O2 -ffp-contract=off -w -fpermissive -shared -fPIC" + folders + " -o " + own + ".part " +
                          own + ".cpp >" + own + ".log 2>&1 && mv " + own + ".part " + program.image;
    if (system(command.c_str()) == 0) return Success;
    told.refused++;
    std::getline(std::ifstream(own + ".log"), program.log, '\0');
    return NvrtcCompilation;
}
API int nvrtcGetProgramLogSize(void* program, size_t* size) { return *size = static_cast<Program*>(program)->log.size() + 1, Success; }
API int nvrtcGetProgramLog(void* program, char* log) { return strcpy(log, static_cast<Program*>(program)->log.c_str()), Success; }
API int nvrtcGetPTXSize(void* program, size_t* size) { return *size = static_cast<Program*>(program)->image.size() + 1, Success; }
API int nvrtcGetPTX(void* program, char* image) { return strcpy(image, static_cast<Program*>(program)->image.c_str()), Success; }
