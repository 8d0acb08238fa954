class Trie:
    """Words by their letters."""

    def __init__(self):
        self.root = {}

    def insert(self, word):
        """Adds a word."""
        node = self.root
        for letter in word:
            node = node.setdefault(letter, {})
        node["$"] = True

    def contains(self, word):
        """Whether exactly this word was added."""
        node = self.root
        for letter in word:
            if letter not in node:
                return False
            node = node[letter]
        return "$" in node

    def starting_with(self, prefix):
        """All words with a prefix, sorted."""
        node = self.root
        for letter in prefix:
            if letter not in node:
                return []
            node = node[letter]
        found = []
        stack = [(prefix, node)]
        while stack:
            word, node = stack.pop()
            for letter, child in node.items():
                if letter == "$":
                    found.append(word)
                else:
                    stack.append((word + letter, child))
        return sorted(found)
