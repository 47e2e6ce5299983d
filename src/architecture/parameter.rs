//! A parameter on paper: its name and shape, where it belongs, and what it starts as.

/// How a parameter is used, which decides how it lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The embeddings of tokens, `[vocabulary, d]`; a batch touches few of its rows.
    WordEmbedding,
    /// Another table whose rows are looked up: `[rows, d]` in the file and in memory.
    Embedding,
    /// The weight of a linear layer: `[out, in]` in the file, `[in, out]` in memory.
    Linear,
    /// Added to each row: `[d]`.
    Bias,
    /// The scale of a norm: `[d]`.
    Scale,
}

impl Role {
    /// Whether the parameter has one dimension, and not two.
    #[must_use]
    pub fn is_vector(self) -> bool {
        matches!(self, Self::Bias | Self::Scale)
    }

    /// Whether rows and columns in memory are those of the file exchanged.
    #[must_use]
    pub fn is_transposed(self) -> bool {
        self == Self::Linear
    }
}

/// The part of a model that a parameter belongs to, from the tokens to the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelPart {
    /// Before the first layer.
    Embeddings,
    /// The layers, and what lies between the last of them and the head.
    Encoder,
    /// A pretrained layer over the pooled states; some checkpoints are published without it.
    Pooler,
    /// What a task adds; that of another task may have other shapes.
    Head,
}

impl ModelPart {
    /// Whether a checkpoint may lack it: it is drawn then.
    #[must_use]
    pub fn may_be_missing(self) -> bool {
        matches!(self, Self::Pooler | Self::Head)
    }

    /// Whether a checkpoint may hold it in another shape, which is left unused then.
    #[must_use]
    pub fn may_differ_in_shape(self) -> bool {
        self == Self::Head
    }
}

/// What a parameter starts as where no checkpoint holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// Independent draws from a normal distribution with mean 0.
    Normal {
        /// Standard deviation.
        std: f64,
        /// A row that is 0: that of the padding token.
        zero_row: Option<usize>,
    },
    Zeros,
    Ones,
}

/// One parameter as transformers names and stores it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name in a checkpoint, with the prefix of its family.
    pub name: String,
    /// Shape in the file.
    pub shape: Vec<usize>,
    /// How it is used.
    pub role: Role,
    /// Where it belongs.
    pub part: ModelPart,
    /// The layer of the encoder, counted from 0 at the embeddings; none outside the layers.
    ///
    /// A rate that decays by layer counts its depth from these two: 0 for [`ModelPart::Embeddings`], `layer + 1` within the
    /// encoder, and one more than the last layer for everything else.
    pub layer: Option<usize>,
    /// Whether transformers' `Trainer` applies weight decay to it: to all but biases and norms.
    pub decays: bool,
    /// What it starts as where no checkpoint holds it.
    pub draw: Draw,
}

impl Parameter {
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Collects a family's parameters in torch's order.
pub(super) struct Builder {
    parameters: Vec<Parameter>,
    /// Standard deviation of what is drawn.
    std: f64,
    part: ModelPart,
    layer: Option<usize>,
}

impl Builder {
    /// Begins with the embeddings.
    pub fn new(std: f64) -> Self {
        Self { parameters: Vec::new(), std, part: ModelPart::Embeddings, layer: None }
    }

    /// What follows belongs to this layer of the encoder.
    pub fn layer(&mut self, index: usize) {
        (self.part, self.layer) = (ModelPart::Encoder, Some(index));
    }

    /// What follows belongs to this part, outside the layers.
    pub fn part(&mut self, part: ModelPart) {
        (self.part, self.layer) = (part, None);
    }

    /// `name.weight`, `[vocabulary, d]`; the padding token's row starts at 0.
    pub fn word_embedding(&mut self, name: &str, [vocabulary, d]: [usize; 2], pad: Option<u32>) {
        let zero_row = pad.map(|id| id as usize);
        let draw = Draw::Normal { std: self.std, zero_row };
        self.push(format!("{name}.weight"), vec![vocabulary, d], Role::WordEmbedding, draw);
    }

    /// `name.weight`, `[rows, d]`.
    pub fn embedding(&mut self, name: &str, [rows, d]: [usize; 2]) {
        let draw = Draw::Normal { std: self.std, zero_row: None };
        self.push(format!("{name}.weight"), vec![rows, d], Role::Embedding, draw);
    }

    /// `name.weight`, `[output, input]`, and `name.bias`.
    pub fn linear(&mut self, name: &str, input: usize, output: usize) {
        let draw = Draw::Normal { std: self.std, zero_row: None };
        self.push(format!("{name}.weight"), vec![output, input], Role::Linear, draw);
        self.push(format!("{name}.bias"), vec![output], Role::Bias, Draw::Zeros);
    }

    /// `name.weight` and `name.bias`, `[d]` both.
    pub fn layer_norm(&mut self, name: &str, d: usize) {
        self.push(format!("{name}.weight"), vec![d], Role::Scale, Draw::Ones);
        self.push(format!("{name}.bias"), vec![d], Role::Bias, Draw::Zeros);
    }

    pub fn finish(self) -> Vec<Parameter> {
        self.parameters
    }

    fn push(&mut self, name: String, shape: Vec<usize>, role: Role, draw: Draw) {
        let decays = !role.is_vector();
        self.parameters.push(Parameter { name, shape, role, part: self.part, layer: self.layer, decays, draw });
    }
}
