"""The allow-lists of free Cypher: functions, operators, clauses. What stands in none of them is refused."""

from __future__ import annotations

# Clauses that a query or a subquery may begin with.
FIRST = frozenset({"match", "optional", "with", "unwind", "return", "call"})
# Words that end the patterns of a MATCH, where they stand outside of brackets.
AFTER_PATTERN = FIRST | {
    "where",
    "union",
    "order",
    "skip",
    "limit",
    "offset",
    "finish",
    "using",
    "set",
    "create",
    "merge",
}
# Words that never stand outside of quotes, neither as clause nor as a name: quote a name with backticks.
DENIED = frozenset({
    "alter", "create", "csv", "cypher", "deallocate", "delete", "deny", "detach", "drop", "dryrun", "explain", "foreach",
    "grant", "insert", "load", "merge", "nodetach", "profile", "reallocate", "remove", "rename", "revoke", "set", "show",
    "terminate", "transaction", "transactions", "use", "using", "yield",
})  # fmt: skip
# Keywords that may stand before a bracket without being a function.
BEFORE_BRACKET = frozenset({
    "and", "by", "call", "case", "contains", "distinct", "else", "in", "is", "limit", "match", "not", "offset", "optional",
    "or", "paths", "path", "return", "shortest", "skip", "then", "unwind", "when", "where", "with", "xor",
})  # fmt: skip
PATTERN_FUNCTIONS = frozenset({"shortestpath", "allshortestpaths"})
SUBQUERIES = frozenset({"call", "collect", "count", "exists"})
# Functions of the language itself that compute from their arguments alone.
FUNCTIONS = PATTERN_FUNCTIONS | frozenset({
    "abs", "all", "any", "avg", "btrim", "ceil", "char_length", "coalesce", "collect", "count", "date", "date.truncate",
    "datetime", "datetime.truncate", "duration", "duration.between", "duration.indays", "duration.inmonths",
    "duration.inseconds", "e", "elementid", "endnode", "exists", "exp", "floor", "head", "isempty", "isnan", "keys",
    "labels", "last", "left", "length", "localdatetime", "localtime", "log", "log10", "lower", "ltrim", "max", "min",
    "nodes", "none", "nullif", "percentilecont", "percentiledisc", "pi", "properties", "range", "reduce", "relationships",
    "replace", "reverse", "right", "round", "rtrim", "sign", "single", "size", "split", "sqrt", "startnode", "stdev",
    "stdevp", "substring", "sum", "tail", "time", "timestamp", "toboolean", "tobooleanornull", "tofloat", "tofloatornull",
    "tointeger", "tointegerlist", "tointegerornull", "tolower", "tostring", "tostringlist", "tostringornull", "toupper",
    "trim", "type", "upper", "valuetype",
})  # fmt: skip
# Operators of a plan, without `@database` and without `(All)`: only what reads what the patterns name.
LEAVES = frozenset({
    "AllNodesScan", "NodeByLabelScan", "UnionNodeByLabelsScan", "IntersectionNodeByLabelsScan",
    "SubtractionNodeByLabelsScan", "NodeByIdSeek", "NodeByElementIdSeek", "NodeIndexSeek", "NodeIndexSeekByRange",
    "NodeUniqueIndexSeek", "NodeUniqueIndexSeekByRange", "NodeIndexScan", "NodeIndexContainsScan", "NodeIndexEndsWithScan",
    "DirectedRelationshipTypeScan", "UndirectedRelationshipTypeScan", "DirectedAllRelationshipsScan",
    "UndirectedAllRelationshipsScan", "DirectedUnionRelationshipTypesScan", "UndirectedUnionRelationshipTypesScan",
})  # fmt: skip
STARTLESS = frozenset({"Argument", "EmptyRow"})  # leaves that bring in nothing of the database
OPERATORS = LEAVES | STARTLESS | frozenset({
    "Anti", "AntiConditionalApply", "AntiSemiApply", "Apply", "BFSPruningVarLengthExpand", "BidirectionalRepeat",
    "CacheProperties", "CartesianProduct", "ConditionalApply", "Distinct", "EagerAggregation", "EmptyResult",
    "ExhaustiveLimit", "Expand", "Filter", "LeftOuterHashJoin", "LetAntiSemiApply", "LetSelectOrAntiSemiApply",
    "LetSelectOrSemiApply", "LetSemiApply", "Limit", "NodeHashJoin", "NodeLeftOuterHashJoin", "NodeRightOuterHashJoin",
    "Optional", "OptionalExpand", "OrderedAggregation", "OrderedDistinct", "OrderedUnion", "PartialSort", "PartialTop",
    "PathPropagatingBFS", "ProduceResults", "Projection", "ProjectEndpoints", "PruningVarLengthExpand", "Repeat",
    "RightOuterHashJoin", "RollUpApply", "SelectOrAntiSemiApply", "SelectOrSemiApply", "SemiApply", "ShortestPath",
    "Skip", "Sort", "StatefulShortestPath", "Top", "TriadicBuild", "TriadicFilter", "TriadicSelection", "Union",
    "Unwind", "ValueHashJoin", "VarLengthExpand",
})  # fmt: skip
