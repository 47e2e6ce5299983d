//! Checks operations against scalar formulas in f64, and their gradients against central differences of these formulas.

use burn::backend::DispatchTensor;
use burn::tensor::{Device, Gradients, Tensor, TensorData};

use crate::kernels::{DropoutMask, Operation};
use crate::random::{Purpose, Stream};

/// An input of the operation under test.
pub struct Operand {
    pub name: &'static str,
    /// One or two dimensions.
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Returns normally distributed numbers.
pub fn draw(seed: u64, count: usize) -> Vec<f32> {
    Stream::new(seed, Purpose::Weights, 0, 0).normal(count, 1.0)
}

pub fn operand(name: &'static str, seed: u64, shape: impl Into<Vec<usize>>) -> Operand {
    let shape = shape.into();
    Operand { name, values: draw(seed, shape.iter().product()), shape }
}

/// Returns a dropout with probability 0.3.
pub fn dropout(seed: u64) -> DropoutMask {
    DropoutMask::new(Stream::new(seed, Purpose::Order, 0, 1), 0.3)
}

pub fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// Returns the devices to test.
pub fn devices() -> Vec<Device> {
    vec![
        Device::flex(),
        #[cfg(feature = "webgpu")]
        Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
    ]
}

/// Asserts that an operation's output is within `bound.0` of its formula's, and that the gradients of Σ weights · output are
/// within `bound.1` of central differences, both relative to the largest expected value. Operands and outputs are row-major.
pub fn gradcheck<O, const N: usize>(
    operation: &O,
    operands: &[Operand; N],
    formula: &dyn Fn(&[Vec<f64>]) -> Vec<f64>,
    bound: (f64, f64),
) where
    O: Operation<N> + Clone,
{
    let wide: Vec<Vec<f64>> = operands.iter().map(|operand| widened(&operand.values)).collect();
    let expected = formula(&wide);
    let weights = draw(99, expected.len());
    let differences = differences(&wide, &widened(&weights), formula);
    for device in &devices() {
        let leaves = operands.each_ref().map(|operand| Leaf::new(operand, &device.clone().autodiff()));
        let out = Tensor::<2>::from_dispatch(operation.clone().apply(leaves.each_ref().map(Leaf::dispatched)));
        let shape = out.dims();
        near("output", &out.clone().into_data().try_to_vec().unwrap(), &expected, bound.0);
        let weights = Tensor::<2>::from_data(TensorData::new(weights.clone(), shape), device);
        let gradients = (out * Tensor::from_inner(weights)).sum().backward();
        for ((leaf, operand), expected) in leaves.iter().zip(operands).zip(&differences) {
            near(operand.name, &leaf.gradient(&gradients), expected, bound.1);
        }
    }
}

enum Leaf {
    Vector(Tensor<1>),
    Matrix(Tensor<2>),
}

impl Leaf {
    fn new(Operand { shape, values, .. }: &Operand, device: &Device) -> Self {
        let data = TensorData::new(values.clone(), shape.clone());
        match shape.len() {
            1 => Self::Vector(Tensor::from_data(data, device).require_grad()),
            _ => Self::Matrix(Tensor::from_data(data, device).require_grad()),
        }
    }

    fn dispatched(&self) -> DispatchTensor {
        match self {
            Self::Vector(x) => x.clone().into_dispatch(),
            Self::Matrix(x) => x.clone().into_dispatch(),
        }
    }

    fn gradient(&self, gradients: &Gradients) -> Vec<f32> {
        let data = match self {
            Self::Vector(x) => x.grad(gradients).unwrap().into_data(),
            Self::Matrix(x) => x.grad(gradients).unwrap().into_data(),
        };
        data.try_to_vec().unwrap()
    }
}

/// Returns the derivative of Σ weights · f(operands) with respect to each element of each operand.
fn differences(operands: &[Vec<f64>], weights: &[f64], f: &dyn Fn(&[Vec<f64>]) -> Vec<f64>) -> Vec<Vec<f64>> {
    const STEP: f64 = 1e-5;
    let value = |operands: &[Vec<f64>]| f(operands).iter().zip(weights).map(|(y, weight)| y * weight).sum::<f64>();
    let mut moved = operands.to_vec();
    let mut derivatives = Vec::new();
    for (which, operand) in operands.iter().enumerate() {
        let mut derivative = Vec::new();
        for (index, x) in operand.iter().enumerate() {
            moved[which][index] = x + STEP;
            let above = value(&moved);
            moved[which][index] = x - STEP;
            let below = value(&moved);
            moved[which][index] = *x;
            derivative.push((above - below) / (2.0 * STEP));
        }
        derivatives.push(derivative);
    }
    derivatives
}

/// Asserts that each value is within `bound` of the expected one, relative to the largest, which is zero only for a key's
/// bias.
fn near(name: &str, ours: &[f32], expected: &[f64], bound: f64) {
    assert_eq!(ours.len(), expected.len(), "{name}");
    let scale = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    // A key's bias does not change any probability, so its gradient is 0 up to rounding.
    let bound = if name == "key_bias" { 1e-4 } else { bound * scale };
    let worst = ours.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(worst <= bound, "{name}: {worst:e} above {bound:e}, of {scale}");
}
