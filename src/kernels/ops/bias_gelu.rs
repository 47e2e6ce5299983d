//! Bias and GELU: y = z · Φ(z), z = x + bias (Hendrycks and Gimpel 2016). Its approximation by tanh is
//! ½ z (1 + tanh u) = z σ(2u), u = √(2/π) (z + 0.044715 z³).

use crate::architecture::Gelu;
use crate::kernels::MatmulPrecision;

/// GELU(x + bias) of `[x, bias]`, where x is `[rows, d]`. On a GPU the output and the gradient of x are rounded right away to
/// `precision`.
#[derive(Clone, Debug)]
pub struct BiasGelu {
    /// Which GELU.
    pub gelu: Gelu,
    /// Precision of the matrix products that consume the output and the gradient.
    pub precision: MatmulPrecision,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::ops::gradcheck::{gradcheck, operand};

    /// Returns y for a distribution function.
    fn gelu(operands: &[Vec<f64>], cumulative: impl Fn(f64) -> f64) -> Vec<f64> {
        let z = operands[0].iter().zip(operands[1].iter().cycle()).map(|(x, bias)| x + bias);
        z.map(|z| z * cumulative(z)).collect()
    }

    #[test]
    fn gelu_is_its_formula() {
        for (rows, d) in [(1, 5), (5, 7), (70, 33)] {
            let normal = |z: f64| 0.5 * (1.0 + statrs::function::erf::erf(z / std::f64::consts::SQRT_2));
            let operation = BiasGelu { gelu: Gelu::Exact, precision: MatmulPrecision::F32 };
            let operands = [operand("x", 1, [rows, d]), operand("bias", 2, [d])];
            gradcheck(&operation, &operands, &|operands| gelu(operands, normal), (1e-6, 1e-6));
        }
    }

    #[test]
    fn its_approximation_is_its_formula() {
        for (rows, d) in [(1, 5), (5, 7), (70, 33)] {
            let tanh = |z: f64| 0.5 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (z + 0.044_715 * z * z * z)).tanh());
            let operation = BiasGelu { gelu: Gelu::Tanh, precision: MatmulPrecision::F32 };
            let operands = [operand("x", 1, [rows, d]), operand("bias", 2, [d])];
            gradcheck(&operation, &operands, &|operands| gelu(operands, tanh), (1e-6, 1e-6));
        }
    }
}
