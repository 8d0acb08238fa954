"""Arguments that become code: evaluated, unpickled, rendered; and those that stay data."""

from __future__ import annotations

from pathlib import Path

import pytest
from attacked import judged

EVALUATED = {
    "whole": "def calculate(expression):\n    return eval(expression)\n",
    "inside": "import math\ndef f(name, x=1.0):\n    return eval(f'math.{name}')(x)\n",
    "quoted": "def f(x):\n    return eval(\"len('%s')\" % x)\n",
    "assigned": """
        def f(name, value):
            scope = {}
            exec(name + " = " + value, scope)
            return scope[name]
    """,
    "no_builtins": "def f(expr):\n    return eval(expr, {'__builtins__': {}}, {'x': 1})\n",
    "lambda_": "def f(rule):\n    return eval('lambda row: ' + rule)\n",
    "compiled": "def f(expr):\n    return eval(compile(expr, '<f>', 'eval'))\n",
    "config": "def f(settings: dict):\n    return eval(settings.get('formula', '0'))\n",
}
NOT_EVALUATED = {
    "literal": "import ast\ndef f(x):\n    return ast.literal_eval(x)\n",
    "checked": """
        import re
        def f(x):
            if not re.fullmatch(r"[0-9+*/() .-]+", x):
                raise ValueError(x)
            return eval(x)
    """,
    "walked": """
        import ast
        def f(x):
            tree = ast.parse(x, mode="eval")
            for node in ast.walk(tree):
                if not isinstance(node, (ast.Expression, ast.BinOp, ast.Constant, ast.operator)):
                    raise ValueError(x)
            return eval(compile(tree, "<f>", "eval"))
    """,
    "constant": "def f(x):\n    return eval('1 + 1') + len(x)\n",
    "represented": "def f(x):\n    return eval(repr(x))\n",
    "program": "def run(code):\n    exec(code, {})\n",
    "as_data": "def f(x):\n    return eval('len(x)', {'x': x})\n",
    "named": "def f(name):\n    return {'a': 1}[name] if name else eval('0')\n",
}
LOADED = {
    "loads": "import pickle\ndef f(data):\n    return pickle.loads(data)\n",
    "typed": "import pickle\ndef f(data: bytes) -> dict:\n    return pickle.loads(data)\n",
    "base64": "import base64, pickle\ndef f(cookie):\n    return pickle.loads(base64.b64decode(cookie))\n",
    "packed": "import pickle, zlib\ndef f(blob):\n    return pickle.loads(zlib.decompress(blob))\n",
    "file": "import pickle\ndef f(path):\n    with open(path, 'rb') as f:\n        return pickle.load(f)\n",
    "stream": "from pickle import load as read\ndef f(stream):\n    return read(stream)\n",
    "request": """
        import base64, pickle
        def view(request):
            return pickle.loads(base64.b64decode(request.cookies["session"]))
    """,
    "yaml_unsafe": "import yaml\ndef f(text):\n    return yaml.load(text, Loader=yaml.UnsafeLoader)\n",
    "yaml_loader": """
        import yaml
        def f(path):
            with open(path) as stream:
                return yaml.load(stream, Loader=yaml.Loader)["zq"]
    """,
}
NOT_LOADED = {
    "files_of_its_own": """
        import pickle
        from pathlib import Path
        class Cache:
            def __init__(self, root: Path):
                self.root = root
            def get(self, key: str):
                return pickle.loads((self.root / (key + ".pkl")).read_bytes())
    """,
    "json": "import json\ndef f(data):\n    return json.loads(data)\n",
    "yaml_safe": "import yaml\ndef f(text):\n    return yaml.safe_load(text)\n",
    "yaml_loader_safe": "import yaml\ndef f(text):\n    return yaml.load(text, Loader=yaml.SafeLoader)\n",
    "full": "import yaml\ndef f(text):\n    return yaml.load(text, Loader=yaml.FullLoader)\n",
    "dumped": "import pickle\ndef f(value):\n    return pickle.loads(pickle.dumps(value))\n",
    "restricted": """
        import io, pickle
        class Plain(pickle.Unpickler):
            def find_class(self, module, name):
                raise pickle.UnpicklingError(name)
        def f(data):
            return Plain(io.BytesIO(data)).load()
    """,
    "signed": """
        import hashlib, hmac, pickle
        def f(data, key: bytes):
            mark, body = data[:32], data[32:]
            if not hmac.compare_digest(mark, hmac.new(key, body, hashlib.sha256).digest()):
                raise ValueError("not ours")
            return pickle.loads(body)
    """,
}
RENDERED = {
    "greeting": """
        from jinja2 import Template
        def greet(name):
            return Template("Hello " + name).render()
    """,
    "environment": """
        from jinja2 import Environment
        class Mailer:
            def __init__(self):
                self.env = Environment(autoescape=True)
            def mail(self, subject, body):
                return self.env.from_string(f"{subject}: {body}").render(year=2020)
    """,
    "title": """
        import jinja2
        def page(title, items=()):
            text = "<h1>%s</h1>{% for i in items %}{{ i }}{% endfor %}".replace("%s", title)
            return jinja2.Template(text).render(items=items)
    """,
    "expression": """
        import jinja2
        def show(field, row=None):
            return jinja2.Environment().from_string("{{ row." + field + " }}").render(row=row or {})
    """,
}
NOT_RENDERED = {
    "as_value": """
        from jinja2 import Template
        def greet(name):
            return Template("Hello {{ name }}").render(name=name)
    """,
    "by_contract": """
        from jinja2 import Template
        def render(template, name="x"):
            return Template(template).render(name=name)
    """,
    "sandboxed": """
        from jinja2.sandbox import SandboxedEnvironment
        def greet(name):
            return SandboxedEnvironment().from_string("Hello " + name).render()
    """,
    "dollar": """
        from string import Template
        def greet(name):
            return Template("Hello " + name).safe_substitute()
    """,
}


@pytest.mark.parametrize(
    ("red", "green", "rule"),
    [
        (EVALUATED, NOT_EVALUATED, "code-injection"),
        (LOADED, NOT_LOADED, "unsafe-deserialization"),
        (RENDERED, NOT_RENDERED, "template-injection"),
    ],
)
def test_what_becomes_code_lands(tmp_path: Path, red: dict[str, str], green: dict[str, str], rule: str) -> None:
    judged(tmp_path, red, {f"safe_{case}": text for case, text in green.items()}, rule)
