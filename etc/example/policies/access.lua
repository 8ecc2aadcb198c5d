-- Functions that policies ask: gatehouse-policies(5), FUNCTIONS IN LUA, says what they get and may return.
local M = {}

-- accessControl of the policy "catalog": editors may also write, and nobody at night.
function M.allowed(call)
	local hour = call.time // 3600 % 24
	local allowed = { "search", "list_issues" }

	for _, role in ipairs(call.claims and call.claims.roles or {}) do
		if role == "editor" and hour >= 6 and hour < 20 then
			table.insert(allowed, "create_issue")
		end
	end
	return allowed
end

return M
