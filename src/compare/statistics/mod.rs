//! Statistics of scores over seeds. Pure functions, each tested against SciPy or statsmodels.

mod describe;
mod difference;
mod holm;
mod mcnemar;
mod student;

pub use describe::{Description, FEWEST_FOR_INTERVAL};
pub use difference::{Difference, MOST_EXACT, Method, paired, smallest_exact_p, welch};
pub use holm::holm;
pub use mcnemar::mcnemar;
