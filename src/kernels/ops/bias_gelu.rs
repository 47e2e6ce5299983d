//! Bias and the exact GELU: y = z · Φ(z), z = x + bias (Hendrycks and Gimpel 2016).

use crate::kernels::MatmulPrecision;

/// GELU(x + bias) of `[x, bias]`, where x is `[rows, d]`. On a GPU the output and the gradient of x are rounded right away to
/// `precision`.
#[derive(Clone, Debug)]
pub struct BiasGelu {
    /// Precision of the matrix products that consume the output and the gradient.
    pub precision: MatmulPrecision,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::ops::gradcheck::{gradcheck, operand};

    #[test]
    fn gelu_is_its_formula() {
        for (rows, d) in [(1, 5), (5, 7), (70, 33)] {
            let formula = |operands: &[Vec<f64>]| -> Vec<f64> {
                let normal = |z: f64| 0.5 * (1.0 + statrs::function::erf::erf(z / std::f64::consts::SQRT_2));
                operands[0].iter().enumerate().map(|(at, x)| x + operands[1][at % d]).map(|z| z * normal(z)).collect()
            };
            let operation = BiasGelu { precision: MatmulPrecision::F32 };
            gradcheck(&operation, &[operand("x", 1, [rows, d]), operand("bias", 2, [d])], &formula, (1e-6, 1e-6));
        }
    }
}
