//! A matrix as the factor of a product.

/// A dense row-major matrix, read as is or transposed.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: isize,
    pub(super) column_stride: isize,
}

impl<'a> Matrix<'a> {
    /// Creates a matrix `[rows, columns]`.
    ///
    /// # Panics
    /// Panics if `data` has a different length.
    #[must_use]
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix of {rows} × {columns}");
        Self { data, rows, columns, row_stride: columns.cast_signed(), column_stride: 1 }
    }

    /// Creates a matrix `[rows, columns]` whose rows begin every `stride` numbers.
    ///
    /// # Panics
    /// Panics if `data` ends before the last row, or rows overlap.
    #[must_use]
    pub fn strided(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(rows == 0 || data.len() >= (rows - 1) * stride + columns, "a matrix of {rows} × {columns}, every {stride}");
        assert!(columns <= stride, "rows of {columns} every {stride}");
        Self { data, rows, columns, row_stride: stride.cast_signed(), column_stride: 1 }
    }

    /// Returns the transpose, without copying.
    #[must_use]
    pub fn transposed(self) -> Self {
        let Self { data, rows, columns, row_stride, column_stride } = self;
        Self { data, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }

    /// Returns the numbers rounded to bf16.
    pub(super) fn rounded(&self) -> Vec<f32> {
        self.data.iter().map(|value| half::bf16::from_f32(*value).to_f32()).collect()
    }

    /// Returns the same matrix over other numbers.
    pub(super) fn with_data(self, data: &[f32]) -> Matrix<'_> {
        Matrix { data, ..self }
    }
}
