//! Matrix products in f32.
//!
//! Burn tunes its products over everything that a GPU offers, tensor cores with factors rounded to TF32 included, which
//! have 10 bits of f32's 23. Here is the same tuning without those.

use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::DType;
use burn_cubecl::kernel::matmul::utils::init_matmul_output;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{Cube, CubeTuneId};
use cubecl::prelude::*;
use cubecl::tune::{LocalTuner, Tunable, TunableSet, local_tuner};
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level::Strategy;
use cubek::matmul::multi_level::routines::TileSizeSelection;
use cubek::matmul::multi_level::routines::batch::{double_unit::DoubleUnitSelectionArgs, simple_unit::SimpleUnitSelectionArgs};
use cubek::matmul::routine::BlueprintStrategy;
use cubek::matmul::tune_key::MatmulAutotuneKey;
use cubek::std::InputBinding;

use crate::kernels::operations::Products;

/// a · b.
pub fn product(a: CubeTensor, b: CubeTensor, how: Products) -> CubeTensor {
    match how {
        Products::Exact => exact(a, b),
        Products::Fastest => Cube::float_matmul(a, b),
    }
}

type Operands = (CubeTensor, CubeTensor, CubeTensor);

fn launch(strategy: &Strategy, (a, b, out): Operands) -> Result<(), String> {
    let element = f32::elem_type_native();
    let mut elements = MatmulElems::from_globals(&MatmulGlobalElems { lhs: element, rhs: element, out: element });
    let operand = |x: CubeTensor| InputBinding::new(x.binding(), element);
    let client = out.client.clone();
    launch_ref(&strategy.clone().into(), &client, operand(a), operand(b), out.binding(), &mut elements)
        .map_err(|error| format!("{error:?}"))
}

/// The kernels to choose from: all that multiply and add in f32. The first works for every shape.
fn strategies() -> Vec<Strategy> {
    let of_tiles = |tile_size: TileSizeSelection| {
        [
            Strategy::SimpleUnit(BlueprintStrategy::Inferred(SimpleUnitSelectionArgs { tile_size })),
            Strategy::DoubleUnit(BlueprintStrategy::Inferred(DoubleUnitSelectionArgs { tile_size })),
        ]
    };
    let tiled = [of_tiles(TileSizeSelection::MaxTileSize), of_tiles(TileSizeSelection::MinTileSize)];
    std::iter::once(Strategy::Naive).chain(tiled.into_iter().flatten()).collect()
}

fn key((a, b, _): &Operands) -> MatmulAutotuneKey {
    let element = f32::elem_type_native();
    MatmulAutotuneKey::generate(
        &a.client,
        a.meta.shape(),
        b.meta.shape(),
        a.meta.strides(),
        b.meta.strides(),
        a.meta.tiling,
        b.meta.tiling,
        element,
        element,
        element,
        None,
        None,
    )
}

fn exact(a: CubeTensor, b: CubeTensor) -> CubeTensor {
    static TUNER: LocalTuner<MatmulAutotuneKey, CubeTuneId> = local_tuner!("gluepot-product-f32");
    let out = init_matmul_output(&a, &b, DType::F32);
    if TensorMetadata::shape(&out).num_elements() == 0 {
        return out;
    }
    let (client, id) = (a.client.clone(), CubeTuneId::new(&a.client, &a.device));
    let tunables = TUNER.init(&id, || {
        let fresh = |_: &MatmulAutotuneKey, (a, b, out): &Operands| (a.clone(), b.clone(), out.copy());
        strategies().into_iter().fold(TunableSet::new(key, fresh), |set, strategy| {
            set.with(Tunable::new(&strategy.to_string(), move |operands: Operands| launch(&strategy, operands)))
        })
    });
    TUNER.execute(&id, &client, tunables, (a, b, out.clone()));
    out
}
