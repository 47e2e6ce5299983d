//! Statistics of scores over seeds. Pure functions, each held to scipy or statsmodels by a test.

mod describe;
mod difference;
mod holm;
mod mcnemar;
mod student;

pub use describe::Description;
pub use difference::{Difference, Method, SMALLEST_EXACT, paired, smallest_exact_p, welch};
pub use holm::holm;
pub use mcnemar::mcnemar;
