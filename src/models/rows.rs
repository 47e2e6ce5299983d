//! The forward pass over a batch without padding, by fused operations.

use std::sync::Arc;

use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::{Tensor, activation::tanh};

use super::Masks;
use super::bert::{Bert, Layer};
use super::layers::{LayerNorm, Linear, product, products};
use crate::kernels::{Attending, Closing, Drop, Dropping, Embedding, Fused, Products, Rows};
use crate::settings::Precision;

impl Bert {
    /// Logits `[examples, labels]`.
    pub(super) fn forward_rows(&self, rows: &Arc<Rows>, masks: &mut Masks) -> Tensor<2> {
        let mut x = self.embed_rows(rows, masks);
        let last = self.layers.len().saturating_sub(1);
        for (index, layer) in self.layers.iter().enumerate() {
            // The classifier reads the first token alone, so that the last layer need not compute the others.
            let batch = Batch { rows, heads: self.heads, precision: self.precision };
            x = layer.forward_rows(x, batch, index == last, masks);
        }
        if self.layers.is_empty() {
            x = firsts(x, rows);
        }
        let pooled = tanh(linear(x, &self.pooler, self.precision));
        let pooled = match masks.classifier_drop() {
            Some(drop) => {
                let how = Dropping { rows: Arc::clone(rows), drop };
                Tensor::from_dispatch(Dispatch::dropped(pooled.into_dispatch(), how))
            }
            None => pooled,
        };
        linear(pooled, &self.classifier, self.precision)
    }

    fn embed_rows(&self, rows: &Arc<Rows>, masks: &mut Masks) -> Tensor<2> {
        let how = Embedding { rows: Arc::clone(rows) };
        let part = |table: &Tensor<2>| table.clone().into_dispatch();
        let x = Dispatch::embed(part(&self.words), part(&self.positions), part(&self.segments), how);
        let how = Closing {
            epsilon: self.norm.epsilon,
            products: Products::Exact,
            drop: masks.hidden_drop(),
            rows: Arc::clone(rows),
            firsts: false,
        };
        Tensor::from_dispatch(Dispatch::open(
            x,
            self.norm.scale.clone().into_dispatch(),
            self.norm.bias.clone().into_dispatch(),
            how,
        ))
    }
}

/// What every layer needs to know of the batch and the model.
#[derive(Clone, Copy)]
struct Batch<'a> {
    rows: &'a Arc<Rows>,
    heads: usize,
    precision: Precision,
}

impl Batch<'_> {
    fn attending(&self, firsts: bool, drop: Option<Drop>) -> Attending {
        Attending { rows: Arc::clone(self.rows), heads: self.heads, firsts, products: products(self.precision), drop }
    }
}

impl Layer {
    fn forward_rows(&self, x: Tensor<2>, batch: Batch<'_>, asks_alone: bool, masks: &mut Masks) -> Tensor<2> {
        let Batch { rows, precision, .. } = batch;
        let closing = |norm: &LayerNorm, drop: Option<Drop>| Closing {
            epsilon: norm.epsilon,
            products: products(precision),
            drop,
            rows: Arc::clone(rows),
            firsts: asks_alone,
        };
        let how = batch.attending(asks_alone, masks.attention_drop());
        let (own, context) = if asks_alone {
            let own = firsts(x.clone(), rows);
            (own.clone(), self.attend(own, &x, precision, how))
        } else {
            (x.clone(), self.self_attend(x, how))
        };
        let x = close(
            project(context, &self.attention_output.weight, precision),
            &self.attention_output,
            own,
            &self.attention_norm,
            closing(&self.attention_norm, masks.hidden_drop()),
        );
        let wide = project(x.clone(), &self.intermediate.weight, precision);
        let wide = Dispatch::bias_gelu(wide, bias(&self.intermediate), products(precision));
        let narrow = project(Tensor::from_dispatch(wide), &self.output.weight, precision);
        close(narrow, &self.output, x, &self.output_norm, closing(&self.output_norm, masks.hidden_drop()))
    }

    /// The tokens attend to each other.
    fn self_attend(&self, x: Tensor<2>, how: Attending) -> Tensor<2> {
        let [query, key, value] = [&self.query, &self.key, &self.value].map(|part| part.weight.clone().into_dispatch());
        let [query_bias, key_bias, value_bias] = [&self.query, &self.key, &self.value].map(bias);
        let context = Dispatch::self_attend(x.into_dispatch(), query, query_bias, key, key_bias, value, value_bias, how);
        Tensor::from_dispatch(context)
    }

    /// Some tokens attend to all.
    fn attend(&self, own: Tensor<2>, x: &Tensor<2>, precision: Precision, how: Attending) -> Tensor<2> {
        let query = project(own, &self.query.weight, precision);
        let [key, value] = [&self.key, &self.value].map(|part| project(x.clone(), &part.weight, precision));
        let [query_bias, key_bias, value_bias] = [&self.query, &self.key, &self.value].map(bias);
        Tensor::from_dispatch(Dispatch::attend(query, query_bias, key, key_bias, value, value_bias, how))
    }
}

fn bias(part: &Linear) -> DispatchTensor {
    part.bias.clone().into_dispatch()
}

/// x · weight.
fn project(x: Tensor<2>, weight: &Tensor<2>, precision: Precision) -> DispatchTensor {
    product(x, weight.clone(), products(precision)).into_dispatch()
}

/// x · weight + bias.
fn linear(x: Tensor<2>, layer: &Linear, precision: Precision) -> Tensor<2> {
    Tensor::from_dispatch(project(x, &layer.weight, precision)) + layer.bias.clone().unsqueeze()
}

/// LayerNorm(dropout(x + bias) + residual), with the bias of the linear layer that x comes from.
fn close(x: DispatchTensor, linear: &Linear, residual: Tensor<2>, norm: &LayerNorm, how: Closing) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::close(
        x,
        linear.bias.clone().into_dispatch(),
        residual.into_dispatch(),
        norm.scale.clone().into_dispatch(),
        norm.bias.clone().into_dispatch(),
        how,
    ))
}

/// The rows of each example's first token.
fn firsts(x: Tensor<2>, rows: &Arc<Rows>) -> Tensor<2> {
    let how = Embedding { rows: Arc::clone(rows) };
    Tensor::from_dispatch(Dispatch::firsts(x.into_dispatch(), how))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::architecture::bert::Config;
    use crate::architecture::{Architecture, Dropout, Parameter};
    use crate::checkpoint::initialize;
    use crate::models::{Input, Padded, Value};
    use crate::random::{Purpose, Stream};
    use crate::task::Head;

    /// The batch's number.
    const TURN: u64 = 3;

    fn config(width: usize, heads: usize, layers: usize) -> Config {
        let file = serde_json::json!({
            "model_type": "bert", "vocab_size": 50, "hidden_size": width, "num_hidden_layers": 1,
            "num_attention_heads": heads, "intermediate_size": 2 * width + 4, "max_position_embeddings": 160,
            "type_vocab_size": 2, "layer_norm_eps": 1e-12, "initializer_range": 0.3, "hidden_act": "gelu"
        });
        let Architecture::Bert(mut config) = Architecture::parse(&file.to_string()).unwrap();
        config.num_hidden_layers = layers;
        config
    }

    fn wanted(config: &Config) -> Vec<Parameter> {
        Architecture::Bert(config.clone()).parameters(&Head::Classes(vec!["no".into(), "yes".into()]))
    }

    /// A batch both ways, and a parameter list that wants gradients.
    fn batch(lengths: &[usize], config: &Config, seed: u64, device: &Device) -> (Input, Input, Vec<Value>) {
        let stream = Stream::new(seed, Purpose::Order, 0, 0);
        let (mut examples, mut tokens, mut segments) = (Vec::new(), Vec::new(), Vec::new());
        let longest = lengths.iter().copied().max().unwrap();
        for (example, length) in lengths.iter().enumerate() {
            let ids: Vec<u32> = (0..*length).map(|at| stream.below((example * 1000 + at) as u64, 50) as u32).collect();
            let parts: Vec<u32> = (0..*length).map(|at| u32::from(at > length / 2)).collect();
            let padded = |ids: &[u32]| {
                ids.iter().map(|id| id.cast_signed()).chain(std::iter::repeat_n(0, longest - length)).collect::<Vec<_>>()
            };
            tokens.extend(padded(&ids));
            segments.extend(padded(&parts));
            examples.push((ids, parts));
        }
        let rows = Rows::new(examples.iter().map(|(ids, parts)| (&**ids, &**parts)));
        let wanted = wanted(config);
        let parameters = initialize(&wanted, None, seed).unwrap().parameters;
        let place = device.clone().autodiff();
        let noise = Stream::new(seed, Purpose::Weights, 999, 0);
        // Biases and norms away from 0 and 1, so that their places show.
        let values = parameters.into_iter().zip(&wanted).enumerate().map(|(index, (mut tensor, entry))| {
            let noise = noise.normal(tensor.values.len() + index, 0.1);
            tensor.values.iter_mut().zip(&noise[index..]).for_each(|(value, noise)| *value += noise);
            Value::from_host(&tensor, entry.role, &place)
        });
        let values = values.collect();
        let padded = Padded::new(tokens, segments, lengths, longest, device);
        (Input::Rows(Arc::new(rows.at(TURN))), Input::Padded(padded), values)
    }

    /// Logits, and the gradient of each parameter of a loss that weighs every logit differently.
    fn learn(config: &Config, input: &Input, values: &[Value], dropout: f64) -> (Vec<f32>, Vec<Vec<f32>>) {
        let dropout = Dropout::uniform(dropout);
        let logits = Bert::new(config, values.iter().cloned(), Precision::Fp32).forward(input, Masks::training(dropout, 7, TURN));
        let [examples, labels] = logits.dims();
        let weights: Vec<f32> = (0..examples * labels).map(|index| (index as f32 * 0.7).sin()).collect();
        let weights = Tensor::<2>::from_data(TensorData::new(weights, [examples, labels]), &logits.device().without_autodiff());
        let out = logits.clone().into_data().try_to_vec::<f32>().unwrap();
        let mut gradients = (logits * weights).sum().backward();
        let of = |value: &Value| match value {
            Value::Vector(x) => x.grad_remove(&mut gradients).map(Tensor::into_data),
            Value::Matrix(x) => x.grad_remove(&mut gradients).map(Tensor::into_data),
        };
        let mut all: Vec<Vec<f32>> = values.iter().map(of).map(|data| data.unwrap().try_to_vec::<f32>().unwrap()).collect();
        if let Input::Rows(rows) = input {
            all[0] = whole(&all[0], &rows.words.ids, config);
        }
        (out, all)
    }

    /// The gradient of the whole vocabulary, from that of a batch's words.
    fn whole(some: &[f32], ids: &[u32], config: &Config) -> Vec<f32> {
        let d = config.hidden_size;
        let mut all = vec![0.0; config.vocab_size * d];
        for (id, row) in ids.iter().zip(some.chunks_exact(d)) {
            all[*id as usize * d..][..d].copy_from_slice(row);
        }
        all
    }

    /// Every operation and its gradient against Burn's own on the CPU, over widths that fill no vector and lengths of all
    /// kinds.
    fn equal_burns_own(device: &Device) {
        for (case, (width, heads, layers, lengths)) in [
            (12, 2, 2, vec![1, 5, 17, 3]),
            (80, 5, 1, vec![64, 65, 2]),
            (24, 3, 3, vec![130, 1, 16, 33, 8]),
            (64, 2, 0, vec![4, 9]),
        ]
        .into_iter()
        .enumerate()
        {
            let config = config(width, heads, layers);
            let (rows, _, values) = batch(&lengths, &config, case as u64, device);
            let (_, padded, their_values) = batch(&lengths, &config, case as u64, &Device::flex());
            for dropout in [0.0, 0.3] {
                let (ours, our_gradients) = learn(&config, &rows, &values, dropout);
                let (theirs, their_gradients) = learn(&config, &padded, &their_values, dropout);
                let scale = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                for (a, b) in ours.iter().zip(&theirs) {
                    assert!((a - b).abs() <= 2e-5 * scale, "case {case}, dropout {dropout}: {a} and {b}");
                }
                let largest = |values: &[f32]| values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                let overall = their_gradients.iter().map(|gradient| largest(gradient)).fold(0.0_f32, f32::max);
                for ((a, b), entry) in our_gradients.iter().zip(&their_gradients).zip(wanted(&config)) {
                    // A key's bias moves no probability: its gradient is 0 but for the rounding of the others.
                    let bound = 1e-4 * largest(b) + 1e-6 * overall;
                    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
                    assert!(worst <= bound, "case {case}, dropout {dropout}, {}: {worst:e} above {bound:e}", entry.name);
                }
            }
        }
    }

    #[test]
    fn fused_operations_equal_burns_own_with_and_without_dropout() {
        equal_burns_own(&Device::flex());
    }

    #[cfg(feature = "webgpu")]
    #[test]
    fn fused_operations_on_a_gpu_equal_burns_own() {
        equal_burns_own(&Device::wgpu(burn::tensor::DeviceKind::DefaultDevice));
    }
}
