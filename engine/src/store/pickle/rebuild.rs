//! What the calls in a PyTorch pickle build: tensors, storages, ordered dictionaries. Any other call builds a placeholder.

use super::{Id, Machine, Node, Step, Storage, View};

impl Machine<'_> {
    /// What a call would return, for the calls that matter; a placeholder otherwise.
    pub(super) fn call(&mut self, callable: Id, arguments: Id) -> Option<Step> {
        let Node::Tuple(arguments) = self.nodes.get(arguments)?.clone() else { return None };
        let name = match self.nodes.get(callable)? {
            Node::Global(name) => name.clone(),
            _ => return self.leaf("object"),
        };
        match name.as_str() {
            "collections.OrderedDict" => {
                let pairs = arguments.first().map(|&list| self.pairs(list)).unwrap_or_default();
                self.push(Node::Dict(pairs))
            }
            "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => {
                let view = self.view(&arguments, None)?;
                self.push(Node::Tensor(view))
            }
            "torch._utils._rebuild_tensor_v3" => {
                let dtype = match self.nodes.get(*arguments.get(6)?)? {
                    Node::Global(name) => name.clone(),
                    _ => return None,
                };
                let view = self.view(&arguments, Some(dtype))?;
                self.push(Node::Tensor(view))
            }
            "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => {
                self.stack.push(*arguments.first()?);
                Some(Step::Next)
            }
            "torch._tensor._rebuild_from_type_v2" => match *arguments.as_slice() {
                // One level only: a call inside a call inside a call is no tensor.
                [function, _, inner, ..] if function != callable => self.call(function, inner),
                _ => None,
            },
            "torch.Size" => {
                let inner = arguments.first().map(|&id| self.nodes[id].clone());
                self.push(inner.unwrap_or(Node::Tuple(Vec::new())))
            }
            _ => self.leaf(&name),
        }
    }

    /// Key and value of each two-tuple of a list.
    fn pairs(&self, list: Id) -> Vec<(Id, Id)> {
        let (Some(Node::List(items)) | Some(Node::Tuple(items))) = self.nodes.get(list) else { return Vec::new() };
        let pair = |&item: &Id| match self.nodes.get(item) {
            Some(Node::Tuple(pair) | Node::List(pair)) if pair.len() == 2 => Some((pair[0], pair[1])),
            _ => None,
        };
        items.iter().filter_map(pair).collect()
    }

    /// `(storage, offset, shape, stride, …)`.
    fn view(&self, arguments: &[Id], dtype: Option<String>) -> Option<View> {
        let [storage, offset, shape, stride, ..] = *arguments else { return None };
        let Node::Storage(storage) = self.nodes.get(storage)? else { return None };
        let (shape, stride) = (self.sizes(shape)?, self.sizes(stride)?);
        if shape.len() != stride.len() {
            return None;
        }
        Some(View { storage: storage.clone(), dtype, offset: self.size(offset)?, shape, stride })
    }

    /// `("storage", class, key, location, count)`.
    pub(super) fn storage(&self, id: Id) -> Option<Storage> {
        let Node::Tuple(parts) = self.nodes.get(id)? else { return None };
        let [tag, class, key, _, count, ..] = *parts.as_slice() else { return None };
        let (Node::Text(tag), Node::Global(class)) = (self.nodes.get(tag)?, self.nodes.get(class)?) else { return None };
        let key = match self.nodes.get(key)? {
            Node::Text(key) => key.clone(),
            Node::Int(key) => key.to_string(),
            _ => return None,
        };
        (tag == "storage").then_some(())?;
        Some(Storage { class: class.clone(), key, count: self.size(count)? })
    }

    fn size(&self, id: Id) -> Option<usize> {
        match self.nodes.get(id)? {
            Node::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        let (Node::Tuple(items) | Node::List(items)) = self.nodes.get(id)? else { return None };
        items.iter().map(|&item| self.size(item)).collect()
    }
}
