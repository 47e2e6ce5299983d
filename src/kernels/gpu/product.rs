//! Matrix products, each tuned over the [kernels](super::candidates) of its precision.

use burn::backend::TensorMetadata;
use burn::tensor::DType;
use burn_cubecl::CubeTuneId;
use burn_cubecl::kernel::cast;
use burn_cubecl::kernel::matmul::utils::init_matmul_output;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use cubecl::tune::{LocalTuner, OrderedSettings, Patience, Tunable, TunableSet, TuneGroup, local_tuner};
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level::Strategy;
use cubek::matmul::tune_key::MatmulAutotuneKey;
use cubek::std::InputBinding;
use half::bf16;

use super::candidates::{Candidate, fast, last};
use crate::kernels::operations::Products;

type Tuner = LocalTuner<MatmulAutotuneKey, CubeTuneId>;
/// Both factors and the room for their product.
type Operands = (CubeTensor, CubeTensor, CubeTensor);

/// a · b in f32, and the factors as they were multiplied.
pub fn product([a, b]: [CubeTensor; 2], how: Products) -> (CubeTensor, [CubeTensor; 2]) {
    let [a, b] = [a, b].map(|x| factor(x, how));
    (tuned(a.clone(), b.clone(), how), [a, b])
}

/// The gradients of both factors.
pub fn product_backward([a, b]: [CubeTensor; 2], how: Products, gradient: CubeTensor) -> [CubeTensor; 2] {
    let gradient = factor(gradient, how);
    [tuned(gradient.clone(), turned(b), how), tuned(turned(a), gradient, how)]
}

/// What numbers are multiplied.
pub fn factors(how: Products) -> DType {
    match how {
        Products::Exact | Products::Tf32 => DType::F32,
        Products::Bf16 => DType::BF16,
    }
}

/// What is multiplied in x's place.
pub fn factor(x: CubeTensor, how: Products) -> CubeTensor {
    cast(x, factors(how))
}

/// Rows as columns, in the same memory.
pub fn turned(mut x: CubeTensor) -> CubeTensor {
    let last = TensorMetadata::shape(&x).num_dims() - 1;
    x.meta.swap(last - 1, last);
    x
}

fn element(how: Products) -> cubecl::ir::ElemType {
    if how == Products::Bf16 { bf16::elem_type_native() } else { f32::elem_type_native() }
}

fn elements(how: Products) -> MatmulGlobalElems {
    MatmulGlobalElems { lhs: element(how), rhs: element(how), out: f32::elem_type_native() }
}

fn launch(strategy: &Strategy, how: Products, (a, b, out): Operands) -> Result<(), String> {
    let mut all = MatmulElems::from_globals(&elements(how));
    let operand = |x: CubeTensor| InputBinding::new(x.binding(), element(how));
    let client = out.client.clone();
    launch_ref(&strategy.clone().into(), &client, operand(a), operand(b), out.binding(), &mut all)
        .map_err(|error| format!("{error:?}"))
}

fn key(how: Products, (a, b, _): &Operands) -> MatmulAutotuneKey {
    let MatmulGlobalElems { lhs, rhs, out } = elements(how);
    MatmulAutotuneKey::generate(
        &a.client,
        a.meta.shape(),
        b.meta.shape(),
        a.meta.strides(),
        b.meta.strides(),
        a.meta.tiling,
        b.meta.tiling,
        lhs,
        rhs,
        out,
        None,
        None,
    )
}

/// The kernels to choose from: the last ones where none of the fast ones does.
fn tunables(how: Products) -> TunableSet<MatmulAutotuneKey, Operands, ()> {
    let fresh = |_: &MatmulAutotuneKey, (a, b, out): &Operands| (a.clone(), b.clone(), out.copy());
    let set = TunableSet::new(move |operands: &Operands| key(how, operands), fresh);
    let tunable = |candidate: Candidate, group: &TuneGroup<MatmulAutotuneKey>| {
        let strategy = candidate.strategy.clone();
        let tunable = Tunable::new(&strategy.to_string(), move |operands: Operands| launch(&strategy, how, operands));
        tunable.group(group, move |key| candidate.priority(key))
    };
    let patience = OrderedSettings::default().with_patience(Patience { min_measured: 3, max_misses: 2 });
    let first = TuneGroup::ordered("fast", |_| 2, patience);
    let second = TuneGroup::new("last", |_| 1);
    // The first of all must do whatever the shape.
    let set = set.with(tunable(last(), &second));
    fast(how).into_iter().fold(set, |set, candidate| set.with(tunable(candidate, &first)))
}

fn tuned(a: CubeTensor, b: CubeTensor, how: Products) -> CubeTensor {
    let out = init_matmul_output(&a, &b, DType::F32);
    multiply(a, b, out.clone(), how);
    out
}

/// out = a · b, of factors that are [rounded](factor) already.
pub fn multiply(a: CubeTensor, b: CubeTensor, out: CubeTensor, how: Products) {
    static EXACT: Tuner = local_tuner!("gluepot-product-f32");
    static TF32: Tuner = local_tuner!("gluepot-product-tf32");
    static BF16: Tuner = local_tuner!("gluepot-product-bf16");
    let tuner = match how {
        Products::Exact => &EXACT,
        Products::Tf32 => &TF32,
        Products::Bf16 => &BF16,
    };
    if TensorMetadata::shape(&out).num_elements() == 0 {
        return;
    }
    let (client, id) = (a.client.clone(), CubeTuneId::new(&a.client, &a.device));
    let tunables = tuner.init(&id, move || tunables(how));
    tuner.execute(&id, &client, tunables, (a, b, out));
}
