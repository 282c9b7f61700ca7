//! Walks a Python pickle as data: builds a tree of plain values and runs nothing.
//!
//! A pickle is a program for a small stack machine whose dangerous instructions call Python functions. Here a
//! call of the few functions that PyTorch uses to rebuild tensors and ordered dictionaries is understood;
//! every other object becomes [`Node::Other`], an inert placeholder with its class name.
//! Values live in one arena and refer to each other by index, so values that contain themselves and
//! deep nesting need no recursion and no reference counting.
//!
//! # Source
//! CPython `Lib/pickletools.py` (opcodes); PyTorch `torch/_utils.py` (`_rebuild_*`) and `torch/serialization.py`.

mod rebuild;

use std::collections::HashMap;

/// Index of a value in the arena.
pub(super) type Id = usize;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Numbers, strings and other leaves that no tensor needs; also unknown objects, by class.
    Other(String),
    /// An integer that fits.
    Int(i64),
    /// A string.
    Text(String),
    /// A list or a set.
    List(Vec<Id>),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A dictionary, in order; the last of equal keys counts.
    Dict(Vec<(Id, Id)>),
    /// A class or function, `module.name`.
    Global(String),
    /// A storage: its type, its name in the archive, its length in numbers.
    Storage(Storage),
    /// A tensor: a view into a storage.
    Tensor(View),
}

/// A block of numbers in the archive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Storage {
    /// Name of the class, such as `torch.FloatStorage`.
    pub(super) class: String,
    /// Name of the file below `data/`.
    pub(super) key: String,
    /// Length in numbers.
    pub(super) count: usize,
}

/// A tensor as a strided view.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    /// Where its numbers are.
    pub(super) storage: Storage,
    /// Its type where the storage is untyped, such as `torch.uint16`.
    pub(super) dtype: Option<String>,
    /// First number.
    pub(super) offset: usize,
    /// Shape.
    pub(super) shape: Vec<usize>,
    /// Steps in numbers, one per axis.
    pub(super) stride: Vec<usize>,
}

/// All values of one pickle.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The value that was pickled.
    pub(super) root: Id,
}

impl Tree {
    /// A value by its index.
    pub(super) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// The entries of a dictionary whose keys are strings.
    pub(super) fn entries(&self, id: Id) -> Vec<(&str, Id)> {
        let Some(Node::Dict(pairs)) = self.node(id) else { return Vec::new() };
        pairs
            .iter()
            .filter_map(|&(key, value)| match self.node(key) {
                Some(Node::Text(key)) => Some((key.as_str(), value)),
                _ => None,
            })
            .collect()
    }
}

/// Parses a pickle.
///
/// # Errors
/// What is wrong and where, as words that follow "is damaged: ".
pub(super) fn parse(bytes: &[u8]) -> Result<Tree, String> {
    let mut machine = Machine { bytes, at: 0, nodes: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    loop {
        let start = machine.at;
        match machine.step() {
            Some(Step::Next) => {}
            Some(Step::Stop(root)) => return Ok(Tree { nodes: machine.nodes, root }),
            None if machine.at > bytes.len() => return Err("its pickle is cut off".to_owned()),
            None => {
                let opcode = bytes.get(start).copied().unwrap_or(0);
                return Err(format!("its pickle has an instruction 0x{opcode:02x} at byte {start} that does not fit"));
            }
        }
    }
}

enum Step {
    Next,
    Stop(Id),
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end);
        // A position behind the end tells `parse` that the file was too short.
        self.at = if taken.is_some() { end } else { self.bytes.len() + 1 };
        taken
    }

    fn number(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes)?;
        Some(taken.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn line(&mut self) -> Option<String> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().position(|&byte| byte == b'\n');
        let taken = self.take(length.map_or(rest.len() + 1, |length| length + 1))?;
        Some(String::from_utf8_lossy(&taken[..taken.len() - 1]).into_owned())
    }

    fn sized(&mut self, length_bytes: usize) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number(length_bytes)?).ok()?;
        self.take(length)
    }

    fn push(&mut self, node: Node) -> Option<Step> {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
        Some(Step::Next)
    }

    fn text(&mut self, bytes: &[u8]) -> Option<Step> {
        self.push(Node::Text(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn leaf(&mut self, what: &str) -> Option<Step> {
        self.push(Node::Other(what.to_owned()))
    }

    /// Pops one value; a value below the last mark does not belong to the current call.
    fn pop(&mut self) -> Option<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() > floor { self.stack.pop() } else { None }
    }

    fn pop_to_mark(&mut self) -> Option<Vec<Id>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn tuple(&mut self, count: usize) -> Option<Step> {
        let mut items: Vec<Id> = (0..count).map(|_| self.pop()).collect::<Option<_>>()?;
        items.reverse();
        self.push(Node::Tuple(items))
    }

    fn set_items(&mut self, items: &[Id]) -> Option<Step> {
        let &target = self.stack.last()?;
        if let Some(Node::Dict(pairs)) = self.nodes.get_mut(target) {
            if !items.len().is_multiple_of(2) {
                return None;
            }
            pairs.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
        Some(Step::Next)
    }

    fn append(&mut self, items: &[Id]) -> Option<Step> {
        let &target = self.stack.last()?;
        if let Some(Node::List(list)) = self.nodes.get_mut(target) {
            list.extend_from_slice(items);
        }
        Some(Step::Next)
    }

    fn remember(&mut self, slot: u64) -> Option<Step> {
        let &top = self.stack.last()?;
        self.memo.insert(slot, top);
        Some(Step::Next)
    }

    fn recall(&mut self, slot: u64) -> Option<Step> {
        let &id = self.memo.get(&slot)?;
        self.stack.push(id);
        Some(Step::Next)
    }

    /// Carries out one instruction; `None` if it does not fit.
    fn step(&mut self) -> Option<Step> {
        let opcode = self.take(1)?[0];
        match opcode {
            0x80 => self.take(1).map(|_| Step::Next), // PROTO
            0x95 => self.take(8).map(|_| Step::Next), // FRAME
            b'.' => Some(Step::Stop(self.pop()?)),    // STOP
            b'(' => {
                self.marks.push(self.stack.len()); // MARK
                Some(Step::Next)
            }
            b'0' => self.pop().map(|_| Step::Next),         // POP
            b'1' => self.pop_to_mark().map(|_| Step::Next), // POP_MARK
            b'2' => {
                let &top = self.stack.last()?; // DUP
                self.stack.push(top);
                Some(Step::Next)
            }
            b'N' => self.leaf("None"),
            0x88 | 0x89 => self.push(Node::Int(i64::from(opcode == 0x88))), // NEWTRUE, NEWFALSE
            b'J' => self.number(4).and_then(|value| self.push(Node::Int(i64::from(value as u32 as i32)))), // BININT
            b'K' => self.number(1).and_then(|value| self.push(Node::Int(value as i64))), // BININT1
            b'M' => self.number(2).and_then(|value| self.push(Node::Int(value as i64))), // BININT2
            0x8a => self.long(1),
            0x8b => self.long(4),
            b'G' => self.take(8).and_then(|_| self.leaf("float")), // BINFLOAT
            b'I' | b'L' | b'F' => self.text_number(),
            b'X' => self.sized(4).and_then(|bytes| self.text(bytes)), // BINUNICODE
            0x8c => self.sized(1).and_then(|bytes| self.text(bytes)), // SHORT_BINUNICODE
            0x8d => self.sized(8).and_then(|bytes| self.text(bytes)), // BINUNICODE8
            b'T' => self.sized(4).and_then(|bytes| self.text(bytes)), // BINSTRING
            b'U' => self.sized(1).and_then(|bytes| self.text(bytes)), // SHORT_BINSTRING
            b'B' => self.sized(4).and_then(|_| self.leaf("bytes")),   // BINBYTES
            b'C' => self.sized(1).and_then(|_| self.leaf("bytes")),   // SHORT_BINBYTES
            0x8e | 0x96 => self.sized(8).and_then(|_| self.leaf("bytes")), // BINBYTES8, BYTEARRAY8
            b'}' => self.push(Node::Dict(Vec::new())),
            b']' | 0x8f => self.push(Node::List(Vec::new())), // EMPTY_LIST, EMPTY_SET
            b')' => self.push(Node::Tuple(Vec::new())),
            b't' => self.pop_to_mark().and_then(|items| self.push(Node::Tuple(items))),
            0x85..=0x87 => self.tuple(usize::from(opcode - 0x84)),
            b'l' | 0x91 => self.pop_to_mark().and_then(|items| self.push(Node::List(items))), // LIST, FROZENSET
            b'd' => {
                let items = self.pop_to_mark()?; // DICT
                self.push(Node::Dict(Vec::new()))?;
                self.set_items(&items)
            }
            b's' => {
                let value = self.pop()?; // SETITEM
                let key = self.pop()?;
                self.set_items(&[key, value])
            }
            b'u' => self.pop_to_mark().and_then(|items| self.set_items(&items)), // SETITEMS
            b'a' => self.pop().and_then(|item| self.append(&[item])),            // APPEND
            b'e' | 0x90 => self.pop_to_mark().and_then(|items| self.append(&items)), // APPENDS, ADDITEMS
            b'q' => self.number(1).and_then(|slot| self.remember(slot)),         // BINPUT
            b'r' => self.number(4).and_then(|slot| self.remember(slot)),         // LONG_BINPUT
            0x94 => self.remember(self.memo.len() as u64),                       // MEMOIZE
            b'h' => self.number(1).and_then(|slot| self.recall(slot)),           // BINGET
            b'j' => self.number(4).and_then(|slot| self.recall(slot)),           // LONG_BINGET
            b'c' => {
                let module = self.line()?; // GLOBAL
                let name = self.line()?;
                self.push(Node::Global(format!("{module}.{name}")))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?); // STACK_GLOBAL
                let (Node::Text(name), Node::Text(module)) = (&self.nodes[name], &self.nodes[module]) else { return None };
                self.push(Node::Global(format!("{module}.{name}")))
            }
            b'R' | 0x81 => {
                let arguments = self.pop()?; // REDUCE, NEWOBJ
                let callable = self.pop()?;
                self.call(callable, arguments)
            }
            0x92 => {
                let (_, arguments, class) = (self.pop()?, self.pop()?, self.pop()?); // NEWOBJ_EX
                self.call(class, arguments)
            }
            b'b' => self.pop().map(|_| Step::Next), // BUILD: attributes of an object are not needed
            b'Q' => {
                let id = self.pop()?; // BINPERSID
                let storage = self.storage(id)?;
                self.push(Node::Storage(storage))
            }
            _ => None,
        }
    }

    /// LONG1 and LONG4: a two's complement integer of any length.
    fn long(&mut self, length_bytes: usize) -> Option<Step> {
        let bytes = self.sized(length_bytes)?;
        if bytes.len() > 8 {
            return self.leaf("a large integer");
        }
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let fill = if negative { u64::MAX } else { 0 };
        self.push(Node::Int(bytes.iter().rev().fold(fill, |value, &byte| value << 8 | u64::from(byte)) as i64))
    }

    /// INT, LONG and FLOAT of protocol 0, in decimal.
    fn text_number(&mut self) -> Option<Step> {
        let line = self.line()?;
        match line.trim_end_matches('L').parse() {
            Ok(value) => self.push(Node::Int(value)),
            Err(_) => self.leaf("number"),
        }
    }
}
