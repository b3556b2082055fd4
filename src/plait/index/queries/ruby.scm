(class name: (_) @name) @class
(module name: (_) @name) @module
[(method name: (_) @name) (singleton_method name: (_) @name)] @method
(assignment left: [(constant) @name (scope_resolution) @name]) @constant
