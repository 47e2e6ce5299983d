//! A gated linear unit with the exact GELU: y = a · Φ(a) · b (Shazeer 2020).

/// GELU(a) · b of `[x]`, where x is `[rows, 2 d]`: a and b side by side.
#[derive(Clone, Copy, Debug)]
pub struct Geglu;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::ops::gradcheck::{gradcheck, operand};

    #[test]
    fn geglu_is_its_formula() {
        for (rows, d) in [(1, 5), (5, 7), (70, 33)] {
            let formula = |operands: &[Vec<f64>]| -> Vec<f64> {
                let normal = |z: f64| 0.5 * (1.0 + statrs::function::erf::erf(z / std::f64::consts::SQRT_2));
                let row = |row: &[f64]| (0..d).map(|at| row[at] * normal(row[at]) * row[d + at]).collect::<Vec<_>>();
                operands[0].chunks(2 * d).flat_map(row).collect()
            };
            gradcheck(&Geglu, &[operand("x", 1, [rows, 2 * d])], &formula, (1e-6, 2e-6));
        }
    }
}
