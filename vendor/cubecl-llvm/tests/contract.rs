//! What stands in for CubeCL's LLVM compiler refuses to compile, and says why; the types that `cubecl-cuda` names are there.

use cubecl_core::Compiler;
use cubecl_core::ir::metadata::Info;
use cubecl_core::ir::settings::{Dim3, ExecutionMode, KernelSettings};
use cubecl_core::ir::{AddressType, Scope};
use cubecl_core::prelude::KernelDefinition;
use cubecl_llvm::nvptx::ptx_version::PtxVersion;
use cubecl_llvm::{LlvmTarget, PlironCompiler, PlironOptions};

#[test]
fn a_kernel_is_refused_with_the_reason() {
    let settings = KernelSettings::new(Dim3::new_single(), ExecutionMode::Checked, AddressType::U32);
    let kernel = KernelDefinition { body: Scope::root(settings.clone()), info: Info::default(), settings };
    let mut compiler = PlironCompiler { target: LlvmTarget::Nvptx };
    let options = PlironOptions { ptx_version: PtxVersion::for_driver(13_020), ..PlironOptions::default() };
    let refusal = compiler.compile(kernel, &options).expect_err("nothing can be compiled here");
    assert!(format!("{refusal:?}").contains("kernels are compiled as CUDA C++"), "{refusal:?}");
    assert_eq!(compiler.lang_tag(), "llvm");
}
