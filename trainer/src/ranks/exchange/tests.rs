//! Sums over ranks that are threads.

use super::*;
use crate::ranks::testing::together;

fn vars() -> Vec<(String, Var)> {
    let var = |(i, count): (usize, &usize)| {
        let values: Vec<f32> = (0..*count).map(|k| (k + 1) as f32).collect();
        (format!("v{i}"), Var::from_vec(values, *count, &Device::Cpu).unwrap())
    };
    [3, 40, 1, 7, 20].iter().enumerate().map(var).collect()
}

/// A gradient that differs in every number, rank and update, as inexact as they come.
fn gradient(i: usize, rank: usize, update: usize, count: usize) -> Tensor {
    let value = |k: usize| (1.0 + i as f32 + 0.1 * k as f32) / (3.0 + rank as f32 + 7.0 * update as f32);
    Tensor::from_vec((0..count).map(value).collect::<Vec<f32>>(), count, &Device::Cpu).unwrap()
}

/// Tells of the gradients of some variables as a backward pass does.
fn absorb(gradients: &mut Gradients, which: &[usize], rank: usize, update: usize) {
    let mut sum: Option<Tensor> = None;
    for &i in which {
        let var = gradients.vars()[i].1.clone();
        let term = (var.as_tensor() * gradient(i, rank, update, var.elem_count())).unwrap().sum_all().unwrap();
        sum = Some(match sum {
            Some(sum) => (sum + term).unwrap(),
            None => term,
        });
    }
    gradients.absorb(&mut sum.unwrap().backward().unwrap()).unwrap();
}

fn bits(gradients: &Gradients) -> Vec<Vec<u32>> {
    let of = |i: usize| gradients.at(i).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    (0..gradients.vars().len()).map(|i| of(i).into_iter().map(f32::to_bits).collect()).collect()
}

#[test]
fn ranks_add_up_as_the_micro_batches_of_one_process_do() {
    for world in [2, 3, 4] {
        for bucket in [4, 4 * 41, BUCKET_BYTES] {
            let found = together(world, |group| {
                let mut gradients = Gradients::new(vars());
                let exchange = Shared::new(group, vars(), bucket);
                gradients.listen(exchange.listener());
                let mut updates = Vec::new();
                for update in 0..3 {
                    gradients.begin(true, true);
                    absorb(&mut gradients, &[4, 3], group.rank(), update);
                    // One rests on rank 1 in the first update, on rank 0 later, and one on all in the last.
                    if group.rank() != usize::from(update == 0) {
                        absorb(&mut gradients, &[1], group.rank(), update);
                    }
                    absorb(&mut gradients, if update == 2 { &[0] } else { &[0, 2] }, group.rank(), update);
                    exchange.finish(&mut gradients).unwrap();
                    updates.push(bits(&gradients));
                }
                updates
            });
            let mut one = Gradients::new(vars());
            for update in 0..3 {
                for rank in 0..world {
                    one.begin(rank == 0, rank + 1 == world);
                    absorb(&mut one, &[4, 3], rank, update);
                    if rank != usize::from(update == 0) {
                        absorb(&mut one, &[1], rank, update);
                    }
                    absorb(&mut one, if update == 2 { &[0] } else { &[0, 2] }, rank, update);
                }
                if update == 2 {
                    one.replace(|sums| {
                        sums[2] = Some(Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu)?);
                        Ok(())
                    })
                    .unwrap();
                }
                for (rank, updates) in found.iter().enumerate() {
                    assert!(updates[update] == bits(&one), "rank {rank} of {world}, update {update}, buckets of {bucket} bytes");
                }
            }
        }
    }
}

#[test]
fn a_bucket_goes_out_while_the_backward_pass_goes_on() {
    together(2, |group| {
        let mut gradients = Gradients::new(vars());
        let exchange = Shared::new(group, vars(), 4 * 41);
        gradients.listen(exchange.listener());
        for update in 0..2 {
            gradients.begin(true, true);
            absorb(&mut gradients, &[1], group.rank(), update);
            let sent = |exchange: &Shared| exchange.0.borrow().next;
            assert_eq!(sent(&exchange), update, "in the first update the order is not known yet");
            absorb(&mut gradients, &[0, 2, 3, 4], group.rank(), update);
            assert_eq!(sent(&exchange), 2 * update);
            exchange.finish(&mut gradients).unwrap();
        }
        assert!(exchange.take_waited() > Duration::ZERO && exchange.take_waited() == Duration::ZERO);
    });
}

#[test]
fn a_gradient_that_comes_after_its_end_is_a_fault() {
    let group = Rc::new(Group::alone());
    let mut gradients = Gradients::new(vars());
    gradients.listen(Shared::new(&group, vars(), BUCKET_BYTES).listener());
    gradients.begin(true, true);
    absorb(&mut gradients, &[1], 0, 0);
    let var = gradients.vars()[1].1.clone();
    let again = gradients.absorb(&mut var.as_tensor().sum_all().unwrap().backward().unwrap());
    assert!(again.unwrap_err().to_string().contains("the gradient of v1 came again"));
}

#[test]
fn all_ranks_begin_with_the_weights_of_rank_0() {
    let found = together(3, |group| {
        let var = Var::from_vec(vec![0.1 + group.rank() as f32, f32::MIN_POSITIVE], (1, 2), &Device::Cpu).unwrap();
        spread(group, &[("w".to_owned(), var.clone())]).unwrap();
        var.to_vec2::<f32>().unwrap()
    });
    assert!(found.iter().all(|values| *values == [[0.1, f32::MIN_POSITIVE]]));
}
