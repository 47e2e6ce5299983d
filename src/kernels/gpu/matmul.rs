//! [`Matmul`] on a GPU, autotuned over the [candidate kernels](super::matmul_candidates) of its precision.

use burn::backend::TensorMetadata;
use burn::tensor::DType;
use burn_cubecl::kernel::cast;
use burn_cubecl::kernel::matmul::utils::init_matmul_output;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{Cube, CubeTuneId};
use cubecl::prelude::*;
use cubecl::tune::{LocalTuner, OrderedSettings, Patience, Tunable, TunableSet, TuneGroup, local_tuner};
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level::Strategy;
use cubek::matmul::tune_key::MatmulAutotuneKey;
use cubek::std::InputBinding;
use half::bf16;

use super::matmul_candidates::{MatmulCandidate, fast, last};
use crate::kernels::operation::Kernel;
use crate::kernels::{Matmul, MatmulPrecision};

type Tuner = LocalTuner<MatmulAutotuneKey, CubeTuneId>;
/// Both factors, and the buffer for their product.
type Operands = (CubeTensor, CubeTensor, CubeTensor);

impl Kernel<Cube, 2> for Matmul {
    /// The factors as rounded for the product.
    type Saved = ([CubeTensor; 2], MatmulPrecision);

    fn forward(self, factors: [CubeTensor; 2]) -> (CubeTensor, Self::Saved) {
        let [a, b] = factors.map(|x| factor(x, self.precision));
        (product(a.clone(), b.clone(), self.precision), ([a, b], self.precision))
    }

    fn backward(([a, b], precision): Self::Saved, gradient: CubeTensor) -> [CubeTensor; 2] {
        let gradient = factor(gradient, precision);
        [product(gradient.clone(), transposed(b), precision), product(transposed(a), gradient, precision)]
    }
}

/// Returns the element type of the factors.
pub fn factor_type(precision: MatmulPrecision) -> DType {
    match precision {
        MatmulPrecision::F32 | MatmulPrecision::Tf32 => DType::F32,
        MatmulPrecision::Bf16 => DType::BF16,
    }
}

/// Casts a factor to the element type of the product.
pub fn factor(x: CubeTensor, precision: MatmulPrecision) -> CubeTensor {
    cast(x, factor_type(precision))
}

/// Returns the transpose of the last two dimensions, in the same memory.
pub fn transposed(mut x: CubeTensor) -> CubeTensor {
    let last = TensorMetadata::shape(&x).num_dims() - 1;
    x.meta.swap(last - 1, last);
    x
}

fn element_type(precision: MatmulPrecision) -> cubecl::ir::ElemType {
    if precision == MatmulPrecision::Bf16 { bf16::elem_type_native() } else { f32::elem_type_native() }
}

fn element_types(precision: MatmulPrecision) -> MatmulGlobalElems {
    MatmulGlobalElems { lhs: element_type(precision), rhs: element_type(precision), out: f32::elem_type_native() }
}

fn launch(strategy: &Strategy, precision: MatmulPrecision, (a, b, out): Operands) -> Result<(), String> {
    let mut all = MatmulElems::from_globals(&element_types(precision));
    let operand = |x: CubeTensor| InputBinding::new(x.binding(), element_type(precision));
    let client = out.client.clone();
    launch_ref(&strategy.clone().into(), &client, operand(a), operand(b), out.binding(), &mut all)
        .map_err(|error| format!("{error:?}"))
}

fn key(precision: MatmulPrecision, (a, b, _): &Operands) -> MatmulAutotuneKey {
    let MatmulGlobalElems { lhs, rhs, out } = element_types(precision);
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

/// Returns the candidate kernels; the "last" group is used only if no fast kernel works.
fn tunables(precision: MatmulPrecision) -> TunableSet<MatmulAutotuneKey, Operands, ()> {
    let fresh = |_: &MatmulAutotuneKey, (a, b, out): &Operands| (a.clone(), b.clone(), out.copy());
    let set = TunableSet::new(move |operands: &Operands| key(precision, operands), fresh);
    let tunable = |candidate: MatmulCandidate, group: &TuneGroup<MatmulAutotuneKey>| {
        let strategy = candidate.strategy.clone();
        let tunable = Tunable::new(&strategy.to_string(), move |operands: Operands| launch(&strategy, precision, operands));
        tunable.group(group, move |key| candidate.priority(key))
    };
    let patience = OrderedSettings::default().with_patience(Patience { min_measured: 3, max_misses: 2 });
    let first = TuneGroup::ordered("fast", |_| 2, patience);
    let second = TuneGroup::new("last", |_| 1);
    // The first candidate in the set must support every shape.
    let set = set.with(tunable(last(), &second));
    fast(precision).into_iter().fold(set, |set, candidate| set.with(tunable(candidate, &first)))
}

fn product(a: CubeTensor, b: CubeTensor, precision: MatmulPrecision) -> CubeTensor {
    let out = init_matmul_output(&a, &b, DType::F32);
    multiply(a, b, out.clone(), precision);
    out
}

/// Computes out = a · b from factors that are already [rounded](factor).
pub fn multiply(a: CubeTensor, b: CubeTensor, out: CubeTensor, precision: MatmulPrecision) {
    static EXACT: Tuner = local_tuner!("gluepot-product-f32");
    static TF32: Tuner = local_tuner!("gluepot-product-tf32");
    static BF16: Tuner = local_tuner!("gluepot-product-bf16");
    let tuner = match precision {
        MatmulPrecision::F32 => &EXACT,
        MatmulPrecision::Tf32 => &TF32,
        MatmulPrecision::Bf16 => &BF16,
    };
    if TensorMetadata::shape(&out).num_elements() == 0 {
        return;
    }
    let (client, id) = (a.client.clone(), CubeTuneId::new(&a.client, &a.device));
    let tunables = tuner.init(&id, move || tunables(precision));
    tuner.execute(&id, &client, tunables, (a, b, out));
}
