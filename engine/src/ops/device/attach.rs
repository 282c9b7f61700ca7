//! Joins a result that was computed without a graph to its inputs, with a gradient given as code.

use std::sync::Mutex;

use candle_core::backend::BackendStorage;
use candle_core::op::{Add, Gelu, Silu};
use candle_core::{CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail};

/// The last step of a computation, taken inside the joining operation so that its result is not
/// copied. Operands are detached.
pub(super) enum Last {
    /// No step: the tensor, or view, is the result, and is copied.
    Done(Tensor),
    /// A matrix product.
    Product(Tensor, Tensor),
    /// A sum of equally shaped tensors.
    Sum(Tensor, Tensor),
    Gelu(Tensor),
    Silu(Tensor),
}

/// Gradients of the inputs from the result, its gradient (contiguous) and which of them are asked
/// for; others may be `None`.
type Backward = Box<dyn Fn(&Tensor, &Tensor, &[bool]) -> Result<Vec<Option<Tensor>>> + Send + Sync>;

/// Takes the last step and joins its result, shaped as `shape`, to one, two or three inputs.
///
/// Nothing is kept where no input is trained.
///
/// # Errors
/// Those of the step; more than three inputs.
pub(super) fn attach(inputs: &[&Tensor], last: Last, shape: impl Into<Shape>, backward: Backward) -> Result<Tensor> {
    let shape = shape.into();
    if shape.elem_count() == 0 || inputs.iter().all(|x| !x.track_op()) {
        return last.tensor()?.reshape(shape);
    }
    let last = match last {
        Last::Product(a, b) if a.elem_count() == 0 || b.elem_count() == 0 => Last::Done(a.matmul(&b)?),
        last => last,
    };
    let op = Attach { last: Mutex::new(Some(last)), shape, backward };
    match inputs {
        [a] => a.apply_op1(op),
        [a, b] => a.apply_op2(b, op),
        [a, b, c] => a.apply_op3(b, c, op),
        _ => bail!("attach: {} inputs", inputs.len()),
    }
}

impl Last {
    fn tensor(self) -> Result<Tensor> {
        match self {
            Self::Done(y) => Ok(y),
            Self::Product(a, b) => a.matmul(&b),
            Self::Sum(a, b) => a + b,
            Self::Gelu(x) => x.gelu(),
            Self::Silu(x) => x.silu(),
        }
    }
}

struct Attach {
    /// Taken by the forward pass, so that nothing but the result outlives it.
    last: Mutex<Option<Last>>,
    shape: Shape,
    backward: Backward,
}

impl Attach {
    fn forward<S: BackendStorage>(&self, of: fn(&Storage) -> Option<&S>) -> Result<(S, Shape)> {
        let last = match self.last.lock() {
            Ok(mut last) => last.take(),
            Err(poisoned) => poisoned.into_inner().take(),
        };
        let one = |x: &Tensor, step: fn(&S, &Layout) -> Result<S>| {
            let (storage, layout) = x.storage_and_layout();
            match of(&storage) {
                Some(storage) => step(storage, layout),
                None => bail!("attach: an operand is on another device"),
            }
        };
        let two = |a: &Tensor, b: &Tensor, step: &dyn Fn(&S, &S, &Layout, &Layout) -> Result<S>| {
            let (a, a_layout) = a.storage_and_layout();
            let (b, b_layout) = b.storage_and_layout();
            match (of(&a), of(&b)) {
                (Some(a), Some(b)) => step(a, b, a_layout, b_layout),
                _ => bail!("attach: an operand is on another device"),
            }
        };
        let y = match last {
            None => bail!("attach: the forward pass ran before"),
            // Unlike a clone, this also takes views.
            Some(Last::Done(y)) => one(&y, |y, layout| y.affine(layout, 1., 0.))?,
            Some(Last::Gelu(x)) => one(&x, S::unary_impl::<Gelu>)?,
            Some(Last::Silu(x)) => one(&x, S::unary_impl::<Silu>)?,
            Some(Last::Sum(a, b)) => two(&a, &b, &|a, b, a_layout, b_layout| a.binary_impl::<Add>(b, a_layout, b_layout))?,
            Some(Last::Product(a, b)) => {
                let sizes = product_sizes(&a, &b)?;
                two(&a, &b, &|a, b, a_layout, b_layout| a.matmul(b, sizes, a_layout, b_layout))?
            }
        };
        Ok((y, self.shape.clone()))
    }

    fn backward(&self, inputs: &[&Tensor], result: &Tensor, grad: &Tensor) -> Result<std::vec::IntoIter<Option<Tensor>>> {
        let wanted: Vec<bool> = inputs.iter().map(|x| x.track_op()).collect();
        let grad = grad.detach().contiguous()?;
        let grads = (self.backward)(&result.detach(), &grad, &wanted)?;
        let fitting = inputs.iter().zip(&wanted).zip(grads).map(|((x, wanted), grad)| match grad {
            Some(grad) if *wanted => grad.reshape(x.shape())?.to_dtype(x.dtype()).map(Some),
            _ => Ok(None),
        });
        Ok(fitting.collect::<Result<Vec<_>>>()?.into_iter())
    }
}

/// `(batch, rows, columns, inner)` of a product.
fn product_sizes(a: &Tensor, b: &Tensor) -> Result<(usize, usize, usize, usize)> {
    match (a.dims(), b.dims()) {
        ([batch_a @ .., m, k], [batch_b @ .., inner, n]) if k == inner && batch_a == batch_b => {
            Ok((batch_a.iter().product(), *m, *n, *k))
        }
        (a, b) => bail!("attach: product of {a:?} and {b:?}"),
    }
}

fn cpu(storage: &Storage) -> Option<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Some(storage),
        _ => None,
    }
}

fn cuda(storage: &Storage) -> Option<&CudaStorage> {
    match storage {
        Storage::Cuda(storage) => Some(storage),
        _ => None,
    }
}

impl CustomOp1 for Attach {
    fn name(&self) -> &'static str {
        "attach"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(cpu)
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.forward(cuda)
    }

    fn bwd(&self, a: &Tensor, result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(self.backward(&[a], result, grad)?.next().flatten())
    }
}

impl CustomOp2 for Attach {
    fn name(&self) -> &'static str {
        "attach"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(cpu)
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.forward(cuda)
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, result: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut grads = self.backward(&[a, b], result, grad)?;
        Ok((grads.next().flatten(), grads.next().flatten()))
    }
}

impl CustomOp3 for Attach {
    fn name(&self) -> &'static str {
        "attach"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(cpu)
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.forward(cuda)
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut grads = self.backward(&[a, b, c], result, grad)?;
        Ok((grads.next().flatten(), grads.next().flatten(), grads.next().flatten()))
    }
}
