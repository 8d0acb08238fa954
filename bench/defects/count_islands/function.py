def count_islands(grid):
    """How many groups of 1 touch along an edge."""
    seen = set()
    count = 0
    for row in range(len(grid)):
        for column in range(len(grid[row])):
            if grid[row][column] != 1 or (row, column) in seen:
                continue
            count += 1
            stack = [(row, column)]
            seen.add((row, column))
            while stack:
                y, x = stack.pop()
                for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                    ny, nx = y + dy, x + dx
                    if not (0 <= ny < len(grid) and 0 <= nx < len(grid[ny])):
                        continue
                    if grid[ny][nx] == 1 and (ny, nx) not in seen:
                        seen.add((ny, nx))
                        stack.append((ny, nx))
    return count
