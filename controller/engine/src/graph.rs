//! What a platform is made of: nodes, and edges read back from the references in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use crate::id::{NodeId, Ref, Region};
use crate::resource::{AnyResource, Resource};

/// One wanted thing.
pub struct Node<C: 'static> {
    pub id: NodeId,
    /// The part of the platform it belongs to; conditions are kept by component.
    pub component: &'static str,
    pub resource: Arc<dyn AnyResource<C>>,
    /// The nodes that it uses or must come after, direct ones only.
    pub needs: BTreeSet<NodeId>,
}

/// All wanted things. Nodes are added after what they use, so their order is a topological one and there is no cycle.
pub struct Graph<C: 'static> {
    nodes: Vec<Node<C>>,
    index: BTreeMap<NodeId, usize>,
}

impl<C: 'static> Default for Graph<C> {
    fn default() -> Self {
        Self { nodes: Vec::new(), index: BTreeMap::new() }
    }
}

impl<C: 'static> Graph<C> {
    /// Adds a node that depends on everything its resource refers to.
    ///
    /// # Panics
    /// When the name is taken or a reference leads to a node that is not in the graph: both are faults of the
    /// platform's description, which tests build in every shape.
    pub fn add<R: Resource<Cloud = C>>(
        &mut self,
        component: &'static str,
        region: &Region,
        name: impl Into<String>,
        resource: R,
    ) -> Ref<R> {
        self.add_after(component, region, name, resource, [])
    }

    /// Like [`Graph::add`]; the node also comes after `order`, which it does not use (a policy before what it admits).
    pub fn add_after<R: Resource<Cloud = C>>(
        &mut self,
        component: &'static str,
        region: &Region,
        name: impl Into<String>,
        resource: R,
        order: impl IntoIterator<Item = NodeId>,
    ) -> Ref<R> {
        let id = NodeId::new(region, R::KIND, name);
        let mut needs: BTreeSet<NodeId> = order.into_iter().collect();
        collect_references(&AnyResource::json(&resource), &mut needs);
        for need in &needs {
            assert!(self.index.contains_key(need), "{id} refers to {need}, which is not in the graph");
        }
        let taken = self.index.insert(id.clone(), self.nodes.len());
        assert!(taken.is_none(), "two nodes are named {id}");
        self.nodes.push(Node { id: id.clone(), component, resource: Arc::new(resource), needs });
        Ref::to(id)
    }

    /// The same graph of other resources, which refer to the same nodes.
    pub fn map(self, other: impl Fn(&NodeId, Arc<dyn AnyResource<C>>) -> Arc<dyn AnyResource<C>>) -> Self {
        let nodes = self.nodes.into_iter().map(|node| {
            let resource = other(&node.id, node.resource);
            Node { resource, ..node }
        });
        Self { nodes: nodes.collect(), index: self.index }
    }

    pub fn nodes(&self) -> &[Node<C>] {
        &self.nodes
    }

    pub fn get(&self, id: &NodeId) -> Option<&Node<C>> {
        self.index.get(id).map(|&index| &self.nodes[index])
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The graph as a Mermaid flow chart, grouped by component, an arrow from each node to what it needs.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        let mut components: Vec<&str> = Vec::new();
        for node in &self.nodes {
            if !components.contains(&node.component) {
                components.push(node.component);
            }
        }
        let label = |node: &Node<C>| format!("{}<br/>{}", node.id.kind, node.id.name);
        for component in components {
            let _ = writeln!(text, "  subgraph {component}");
            for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.component == component) {
                let _ = writeln!(text, "    n{index}[\"{}\"]", label(node));
            }
            let _ = writeln!(text, "  end");
        }
        for (index, node) in self.nodes.iter().enumerate() {
            for need in &node.needs {
                let _ = writeln!(text, "  n{index} --> n{}", self.index[need]);
            }
        }
        text
    }

    /// The graph as text: by component, each node with the direct ones that it needs, in an order that does not depend
    /// on anything else.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut component = "";
        for node in &self.nodes {
            if node.component != component {
                component = node.component;
                let _ = writeln!(text, "{}{component}", if text.is_empty() { "" } else { "\n" });
            }
            let _ = writeln!(text, "  {}", node.id);
            for need in &node.needs {
                let _ = writeln!(text, "    after {need}");
            }
        }
        text
    }

    /// The graph as JSON: each node with its component, its resource and what it needs.
    pub fn json(&self) -> Value {
        let nodes = self.nodes.iter().map(|node| {
            serde_json::json!({
                "node": node.id,
                "component": node.component,
                "resource": node.resource.json(),
                "needs": node.needs,
            })
        });
        serde_json::json!({ "nodes": nodes.collect::<Vec<_>>() })
    }
}

fn collect_references(value: &Value, into: &mut BTreeSet<NodeId>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref")
                && let Ok(id) = reference.parse()
            {
                into.insert(id);
            }
            map.values().for_each(|value| collect_references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(value, into)),
        _ => {}
    }
}
