//! A small learning curve, drawn with block characters.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const HEIGHT: usize = 6;

/// Draws values from left to right in at most `width` columns, each the mean of the values that fall into it.
///
/// The largest and the smallest are written on the left. Empty if there are fewer than two values.
#[must_use]
pub fn curve(values: &[f64], width: usize) -> Vec<String> {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.len() < 2 || width == 0 {
        return Vec::new();
    }
    let columns = width.min(finite.len());
    let means: Vec<f64> = (0..columns)
        .map(|column| {
            let part = &finite[column * finite.len() / columns..(column + 1) * finite.len() / columns];
            part.iter().sum::<f64>() / part.len() as f64
        })
        .collect();
    let top = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bottom = means.iter().copied().fold(f64::INFINITY, f64::min);
    let span = if top > bottom { top - bottom } else { 1.0 };
    let levels: Vec<usize> =
        means.iter().map(|mean| ((mean - bottom) / span * (HEIGHT * 8 - 1) as f64).round() as usize + 1).collect();
    (0..HEIGHT)
        .rev()
        .map(|row| {
            let label = match row {
                0 => format!("{bottom:.3}"),
                row if row == HEIGHT - 1 => format!("{top:.3}"),
                _ => String::new(),
            };
            let cells: String = levels
                .iter()
                .map(|level| match level.saturating_sub(row * 8) {
                    0 => ' ',
                    filled => BLOCKS[filled.min(8) - 1],
                })
                .collect();
            format!("{label:>7} ┤{}", cells.trim_end())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_falling_line_falls() {
        let values: Vec<f64> = (0..48).rev().map(f64::from).collect();
        insta::assert_snapshot!(curve(&values, 12).join("\n"));
    }

    #[test]
    fn a_constant_is_a_line_and_one_value_is_none() {
        assert_eq!(curve(&[0.5; 4], 10)[HEIGHT - 1], "  0.500 ┤▁▁▁▁");
        assert!(curve(&[0.5], 10).is_empty());
    }
}
