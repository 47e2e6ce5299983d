//! The parameters of BertForSequenceClassification: names, shapes and order, in one table.

use super::Config;

/// How a parameter's file layout relates to its layout in memory, and how it is drawn anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Rows are looked up: `[rows, d]` in the file and in memory. Drawn from a normal distribution.
    Embedding,
    /// `[out, in]` in the file, `[in, out]` in memory. Drawn from a normal distribution.
    Linear,
    /// A vector that starts at 0.
    Bias,
    /// A vector that starts at 1.
    Scale,
}

/// Whether a checkpoint must hold a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Without it the checkpoint is not a BERT.
    Encoder,
    /// The layer over the first token; some encoders are published without it.
    Pooler,
    /// The classification head; pretrained encoders have none.
    Classifier,
}

/// One parameter as transformers names and stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name in a checkpoint, with the `bert.` prefix.
    pub name: String,
    /// Shape in the file.
    pub shape: Vec<usize>,
    /// Layout and initial value.
    pub role: Role,
    /// The part of the model that it belongs to.
    pub part: Part,
}

impl Parameter {
    /// Number of values.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Where the table has the embeddings of words.
pub const WORDS: usize = 0;

/// Every parameter of a classifier of this shape, in the order of torch's `named_parameters()`.
#[must_use]
pub fn table(config: &Config, labels: usize) -> Vec<Parameter> {
    let (d, wide) = (config.hidden_size, config.intermediate_size);
    let mut table = Table(Vec::new());
    table.embedding("embeddings.word_embeddings", config.vocab_size, d);
    table.embedding("embeddings.position_embeddings", config.max_position_embeddings, d);
    table.embedding("embeddings.token_type_embeddings", config.type_vocab_size, d);
    table.norm("embeddings.LayerNorm", d);
    for index in 0..config.num_hidden_layers {
        let layer = format!("encoder.layer.{index}");
        table.linear(Part::Encoder, &format!("bert.{layer}.attention.self.query"), d, d);
        table.linear(Part::Encoder, &format!("bert.{layer}.attention.self.key"), d, d);
        table.linear(Part::Encoder, &format!("bert.{layer}.attention.self.value"), d, d);
        table.linear(Part::Encoder, &format!("bert.{layer}.attention.output.dense"), d, d);
        table.norm(&format!("{layer}.attention.output.LayerNorm"), d);
        table.linear(Part::Encoder, &format!("bert.{layer}.intermediate.dense"), d, wide);
        table.linear(Part::Encoder, &format!("bert.{layer}.output.dense"), wide, d);
        table.norm(&format!("{layer}.output.LayerNorm"), d);
    }
    table.linear(Part::Pooler, "bert.pooler.dense", d, d);
    table.linear(Part::Classifier, "classifier", d, labels);
    table.0
}

struct Table(Vec<Parameter>);

impl Table {
    fn push(&mut self, name: String, shape: Vec<usize>, role: Role, part: Part) {
        self.0.push(Parameter { name, shape, role, part });
    }

    fn embedding(&mut self, name: &str, rows: usize, d: usize) {
        self.push(format!("bert.{name}.weight"), vec![rows, d], Role::Embedding, Part::Encoder);
    }

    fn norm(&mut self, name: &str, d: usize) {
        self.push(format!("bert.{name}.weight"), vec![d], Role::Scale, Part::Encoder);
        self.push(format!("bert.{name}.bias"), vec![d], Role::Bias, Part::Encoder);
    }

    fn linear(&mut self, part: Part, name: &str, input: usize, output: usize) {
        self.push(format!("{name}.weight"), vec![output, input], Role::Linear, part);
        self.push(format!("{name}.bias"), vec![output], Role::Bias, part);
    }
}
