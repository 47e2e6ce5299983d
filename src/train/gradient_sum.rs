//! Gradients of all parameters, and their sum over the micro-batches of a step.

use std::sync::Arc;

use burn::backend::DispatchTensor;
use burn::tensor::{Gradients, IndexingUpdateOp, Int, Tensor, TensorData};

use super::device::Kernels;
use crate::architecture::{Parameter, Role};
use crate::kernels::{GlobalNorm, ResidentTokens, Update};
use crate::models::{Input, Value};

/// Gradients of all parameters, in parameter-table order; `None` for parameters that took no part.
pub struct GradientSum(pub(super) Vec<Option<Gradient>>);

/// The gradient of a parameter.
#[derive(Clone)]
pub enum Gradient {
    Whole(Value),
    /// Gradient rows of a token embedding table, `[tokens, d]`; the rows of all other tokens are zero.
    Tokens(Tensor<2>, Arc<ResidentTokens>),
}

impl GradientSum {
    /// Removes the gradients of the parameters from a backward pass over `input`.
    pub fn take(parameters: &[Parameter], values: &[Value], gradients: &mut Gradients, input: &Input) -> Self {
        let mut take = |(parameter, value): (&Parameter, &Value)| match value {
            Value::Vector(x) => x.grad_remove(gradients).map(|x| Gradient::Whole(Value::Vector(x))),
            Value::Matrix(x) => x.grad_remove(gradients).map(|x| match input {
                Input::Ragged { batch, .. } if parameter.role == Role::WordEmbedding && input.has_sparse_embeddings() => {
                    Gradient::Tokens(x, Arc::clone(&batch.unique))
                }
                _ if parameter.role == Role::WordEmbedding => {
                    Gradient::Whole(Value::Matrix(input.without_padding_token(x)).widened())
                }
                _ if parameter.role == Role::PositionEmbedding => {
                    Gradient::Whole(Value::Matrix(input.without_padding_position(x)).widened())
                }
                _ => Gradient::Whole(Value::Matrix(x).widened()),
            }),
        };
        Self(parameters.iter().zip(values).map(&mut take).collect())
    }

    /// Adds the gradients of another micro-batch.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |(a, b): (Option<Gradient>, Option<Gradient>)| match (a, b) {
            (Some(a), Some(b)) => Some(a.plus(b)),
            (a, b) => a.or(b),
        };
        Self(self.0.into_iter().zip(other.0).map(sum).collect())
    }

    /// The global gradient norm, `[1]`.
    #[must_use]
    pub fn norm(&self, kernels: Kernels) -> Option<Tensor<1>> {
        let gradients = self.0.iter().flatten();
        let norm = match kernels {
            Kernels::Fused => {
                let all: Vec<DispatchTensor> = gradients.map(|gradient| gradient.clone().into_dispatch()).collect();
                (!all.is_empty()).then(|| Tensor::from_dispatch(GlobalNorm.apply(all).remove(0)))?
            }
            Kernels::Reference => {
                let squares: Vec<Tensor<1>> = gradients.map(Gradient::square_sum).collect();
                (!squares.is_empty()).then(|| Tensor::cat(squares, 0).sum().sqrt())?
            }
        };
        Some(norm)
    }
}

impl Gradient {
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole(Value::Vector(a)), Self::Whole(Value::Vector(b))) => Self::Whole(Value::Vector(a + b)),
            (Self::Whole(Value::Matrix(a)), Self::Whole(Value::Matrix(b))) => Self::Whole(Value::Matrix(a + b)),
            (Self::Tokens(a, first), Self::Tokens(b, second)) => {
                let both: Arc<ResidentTokens> = Arc::new(first.union(&second).into());
                let none = Tensor::zeros([both.ids.len(), a.dims()[1]], &a.device());
                let sum = added(added(none, a, &both.places_of(&first.ids)), b, &both.places_of(&second.ids));
                Self::Tokens(sum, both)
            }
            _ => unreachable!("a parameter's gradients are of one kind"),
        }
    }

    fn into_dispatch(self) -> DispatchTensor {
        match self {
            Self::Whole(value) => value.into_dispatch(),
            Self::Tokens(x, _) => x.into_dispatch(),
        }
    }

    fn square_sum(&self) -> Tensor<1> {
        match self {
            Self::Whole(Value::Vector(x)) => (x.clone() * x.clone()).sum(),
            Self::Whole(Value::Matrix(x)) | Self::Tokens(x, _) => (x.clone() * x.clone()).sum(),
        }
    }
}

/// Adds rows to the rows of a table at `places`.
fn added(table: Tensor<2>, rows: Tensor<2>, places: &[u32]) -> Tensor<2> {
    let places: Vec<i32> = places.iter().map(|place| place.cast_signed()).collect();
    let data = TensorData::new(places, [rows.dims()[0]]);
    let places = Tensor::<1, Int>::from_data(data, &rows.device());
    table.select_assign(0, places, rows, IndexingUpdateOp::Add)
}
