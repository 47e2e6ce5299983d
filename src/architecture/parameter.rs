//! Descriptions of parameters: name, shape, part of the model, and initialization.

/// How a parameter is used, which determines its memory layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The token embedding table, `[vocabulary, d]`; a batch uses few of its rows.
    WordEmbedding,
    /// The table of absolute position embeddings, `[positions, d]`.
    PositionEmbedding,
    /// Another embedding table: `[rows, d]` in the file and in memory.
    Embedding,
    /// The weight of a linear layer: `[out, in]` in the file, `[in, out]` in memory.
    Linear,
    /// A bias or shift, added to each row: `[d]`.
    Bias,
    /// The scale of a layer norm: `[d]`.
    Scale,
}

impl Role {
    /// Whether the parameter is a vector, not a matrix.
    #[must_use]
    pub fn is_vector(self) -> bool {
        matches!(self, Self::Bias | Self::Scale)
    }

    /// Whether the layout in memory is the transpose of that in the file.
    #[must_use]
    pub fn is_transposed(self) -> bool {
        self == Self::Linear
    }
}

/// The part of the model that a parameter belongs to, in order from tokens to outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelPart {
    /// Before the first layer.
    Embeddings,
    /// The layers, and anything between the last layer and the head.
    Encoder,
    /// The dense layer before the outputs: BERT's pooler, or the first layer of a classification head. Many checkpoints are
    /// published without it.
    Pooler,
    /// The layer with a row per output; its shape may differ from that in the checkpoint.
    Head,
}

impl ModelPart {
    /// Whether it may be missing from a checkpoint; it is randomly initialized then.
    #[must_use]
    pub fn may_be_missing(self) -> bool {
        matches!(self, Self::Pooler | Self::Head)
    }

    /// Whether its shape in a checkpoint may differ; the checkpoint's tensor is ignored then.
    #[must_use]
    pub fn may_differ_in_shape(self) -> bool {
        self == Self::Head
    }
}

/// How a parameter is initialized if the checkpoint lacks it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// Independent samples from a normal distribution with mean 0.
    Normal {
        /// Standard deviation.
        std: f64,
        /// The index of a row of zeros: that of the padding token.
        zero_row: Option<usize>,
    },
    /// As before, but from the part of the distribution within `cutoff` standard deviations of the mean.
    TruncatedNormal {
        /// Standard deviation before the truncation.
        std: f64,
        /// In standard deviations.
        cutoff: f64,
    },
    Zeros,
    Ones,
}

/// One parameter, as transformers names and stores it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name in a checkpoint, including the family's prefix.
    pub name: String,
    /// Shape in the file.
    pub shape: Vec<usize>,
    /// How it is used.
    pub role: Role,
    /// The part of the model it belongs to.
    pub part: ModelPart,
    /// Index of the encoder layer, from 0 at the embeddings; `None` outside the layers. Where layers share their parameters, the
    /// index among the layers that have their own.
    ///
    /// Layer-wise learning rate decay derives the depth from `part` and `layer`: 0 for [`ModelPart::Embeddings`], `layer + 1`
    /// within the encoder, and one more than the last layer for everything else.
    pub layer: Option<usize>,
    /// Whether transformers' `Trainer` applies weight decay to it: true for all but biases and norms.
    pub decays: bool,
    /// How it is initialized if the checkpoint lacks it.
    pub draw: Draw,
}

impl Parameter {
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Collects a family's parameters in torch's order. Methods that add parameters return the name that they were given.
pub(super) struct Builder {
    parameters: Vec<Parameter>,
    /// Standard deviation of random initialization.
    std: f64,
    part: ModelPart,
    layer: Option<usize>,
}

impl Builder {
    /// Starts with the embeddings.
    pub fn new(std: f64) -> Self {
        Self { parameters: Vec::new(), std, part: ModelPart::Embeddings, layer: None }
    }

    /// Sets the encoder layer of the parameters that follow.
    pub fn layer(&mut self, index: usize) {
        (self.part, self.layer) = (ModelPart::Encoder, Some(index));
    }

    /// Sets the part of the parameters that follow, outside the layers.
    pub fn part(&mut self, part: ModelPart) {
        (self.part, self.layer) = (part, None);
    }

    /// Adds `name.weight`, `[vocabulary, d]`; the padding token's row is initialized to 0.
    pub fn word_embedding(&mut self, name: &str, [vocabulary, d]: [usize; 2], pad: Option<u32>) -> String {
        let draw = Draw::Normal { std: self.std, zero_row: pad.map(|id| id as usize) };
        self.push(format!("{name}.weight"), vec![vocabulary, d], Role::WordEmbedding, draw);
        name.into()
    }

    /// Adds the position embeddings `name.weight`, `[positions, d]`. With `padding`, torch's `padding_idx`, that row is
    /// initialized to 0.
    pub fn position_embedding(&mut self, name: &str, [positions, d]: [usize; 2], padding: Option<u32>) -> String {
        let draw = Draw::Normal { std: self.std, zero_row: padding.map(|id| id as usize) };
        self.push(format!("{name}.weight"), vec![positions, d], Role::PositionEmbedding, draw);
        name.into()
    }

    /// Adds `name.weight`, `[rows, d]`.
    pub fn embedding(&mut self, name: &str, [rows, d]: [usize; 2]) -> String {
        let draw = Draw::Normal { std: self.std, zero_row: None };
        self.push(format!("{name}.weight"), vec![rows, d], Role::Embedding, draw);
        name.into()
    }

    /// Adds `name.weight`, `[rows, heads]`, which is added to attention scores. Because its name contains `bias`, the `Trainer`
    /// does not decay it.
    pub fn attention_bias(&mut self, name: &str, [rows, heads]: [usize; 2]) -> String {
        let name = self.embedding(name, [rows, heads]);
        if let Some(table) = self.parameters.last_mut() {
            table.decays = false;
        }
        name
    }

    /// Adds `name.weight`, `[output, input]`, and `name.bias`.
    pub fn linear(&mut self, name: &str, input: usize, output: usize) -> String {
        self.linear_without_bias(name, input, output);
        self.push(format!("{name}.bias"), vec![output], Role::Bias, Draw::Zeros);
        name.into()
    }

    /// Adds `name.weight`, `[output, input]`.
    pub fn linear_without_bias(&mut self, name: &str, input: usize, output: usize) -> String {
        let draw = Draw::Normal { std: self.std, zero_row: None };
        self.push(format!("{name}.weight"), vec![output, input], Role::Linear, draw);
        name.into()
    }

    /// Adds `name.weight` alone: an embedding table `[rows, d]`, or a linear layer `[output, input]` without a bias.
    pub fn weight(&mut self, name: &str, shape: [usize; 2], role: Role, draw: Draw) -> String {
        self.push(format!("{name}.weight"), shape.to_vec(), role, draw);
        name.into()
    }

    /// Adds the `name.bias` of a weight before it, `[d]`.
    pub fn bias(&mut self, name: &str, d: usize) {
        self.push(format!("{name}.bias"), vec![d], Role::Bias, Draw::Zeros);
    }

    /// Adds the `name.weight` of a layer norm without a shift, `[d]`.
    pub fn scale(&mut self, name: &str, d: usize) -> String {
        self.push(format!("{name}.weight"), vec![d], Role::Scale, Draw::Ones);
        name.into()
    }

    /// Adds `name.weight` and `name.bias`, both `[d]`.
    pub fn layer_norm(&mut self, name: &str, d: usize) -> String {
        self.push(format!("{name}.weight"), vec![d], Role::Scale, Draw::Ones);
        self.push(format!("{name}.bias"), vec![d], Role::Bias, Draw::Zeros);
        name.into()
    }

    pub fn finish(self) -> Vec<Parameter> {
        self.parameters
    }

    fn push(&mut self, name: String, shape: Vec<usize>, role: Role, draw: Draw) {
        let decays = !role.is_vector();
        self.parameters.push(Parameter { name, shape, role, part: self.part, layer: self.layer, decays, draw });
    }
}
