//! [`Matmul`] on the CPU.

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::matrix::Matrix;
use super::products::{product, products};
use super::tensors::{factor, matrix, shape, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{Matmul, MatmulPrecision};

/// Returns a · b, row-major, from dense factors.
pub fn multiply(a: &FlexTensor, b: &FlexTensor, precision: MatmulPrecision) -> FlexTensor {
    tensor(product(matrix(a), matrix(b), precision), [shape(a)[0], shape(b)[1]])
}

/// Returns a · b for several factors b of the same shape.
pub fn multiply_all<const N: usize>(a: Matrix<'_>, b: [&FlexTensor; N], precision: MatmulPrecision) -> [FlexTensor; N] {
    let b = b.map(matrix);
    products(a, b, precision).map(|product| tensor(product, [a.rows, b[0].columns]))
}

/// Returns the gradients of dense factors.
pub fn gradients([a, b]: [&FlexTensor; 2], precision: MatmulPrecision, gradient: FlexTensor) -> [FlexTensor; 2] {
    let gradient = factor(gradient);
    let of_a = product(matrix(&gradient), matrix(b).transposed(), precision);
    let of_b = product(matrix(a).transposed(), matrix(&gradient), precision);
    [tensor(of_a, shape(a)), tensor(of_b, shape(b))]
}

impl Kernel<Flex, 2> for Matmul {
    type Saved = ([FlexTensor; 2], MatmulPrecision);

    fn forward(self, factors: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let [a, b] = factors.map(factor);
        (multiply(&a, &b, self.precision), ([a, b], self.precision))
    }

    fn backward(([a, b], precision): Self::Saved, gradient: FlexTensor) -> [FlexTensor; 2] {
        gradients([&a, &b], precision, gradient)
    }
}
